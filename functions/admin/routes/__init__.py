"""One file per group of routes. What belongs to one wallet's business is made once for each, under a path of its own."""
