"""The topology in AWS: the stacks, their parts, and the programs that read their templates and outputs."""
