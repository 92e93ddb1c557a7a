"""The infrastructure: how the system is built in AWS and on one machine."""
