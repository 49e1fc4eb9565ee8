"""What tests stand on: the shipped template, engines for its tables, counted calls, faults, a scripted provider."""
