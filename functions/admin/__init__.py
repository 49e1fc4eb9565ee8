"""The admin API: a FastAPI application of its own, behind a function and a role of its own."""
