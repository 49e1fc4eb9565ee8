"""Providers: the HTTP client, and one file for each protocol a channel can speak."""
