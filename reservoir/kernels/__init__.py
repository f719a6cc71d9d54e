"""Compiled code: elementary functions, matrix products and state loops over plain arrays."""
