"""Stores that need third parties."""
