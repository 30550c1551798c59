"""Delivers segments and profiles to other tools: syncs, their difference, and their ledgers."""
