"""The destination meta."""
