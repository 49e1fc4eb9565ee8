"""The research assistant: support for market and trading research, not financial advice."""
