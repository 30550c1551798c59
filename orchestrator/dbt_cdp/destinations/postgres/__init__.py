"""The destination postgres."""
