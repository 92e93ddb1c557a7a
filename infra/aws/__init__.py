"""The topology in AWS: stacks, what they are made of, and what is read off them."""
