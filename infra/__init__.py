"""What the system is made of, in AWS and on one machine."""
