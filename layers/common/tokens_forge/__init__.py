"""Tokens Forge: two wallets, visible routes, receipts that recompute."""
