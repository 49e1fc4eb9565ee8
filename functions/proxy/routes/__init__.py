"""The proxy's routes: one file for each group."""
