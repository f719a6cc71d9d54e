"""Slow, obvious twins of everything that is fast: the specification in plain lines, equation by equation."""
