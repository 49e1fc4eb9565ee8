"""What `make run` is made of: the whole stack on one machine, with no cloud account."""
