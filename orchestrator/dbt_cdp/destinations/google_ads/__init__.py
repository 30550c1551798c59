"""The destination google_ads."""
