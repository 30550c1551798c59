"""The demonstration: an invented company and its customers."""
