"""The destination customerio."""
