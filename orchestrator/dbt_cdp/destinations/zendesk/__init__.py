"""The destination zendesk."""
