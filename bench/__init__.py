"""Benchmarks: `make bench`. Figures are kept in docs/performance.md; nothing here is a test."""
