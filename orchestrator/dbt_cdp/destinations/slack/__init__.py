"""The destination slack."""
