"""The destination hubspot."""
