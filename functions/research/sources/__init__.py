"""Market data: one small port, one file for each source. Start at port.py."""
