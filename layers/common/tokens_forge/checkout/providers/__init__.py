"""Payment providers. Each is imported only by a function whose package carries its SDK."""
