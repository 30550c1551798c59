"""The destination file."""
