"""The destination mailchimp."""
