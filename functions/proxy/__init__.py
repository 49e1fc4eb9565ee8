"""The public API: one FastAPI application behind two front doors."""
