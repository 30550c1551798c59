"""The destination salesforce."""
