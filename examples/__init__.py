"""One example for each architecture of the chapter on recurrent networks: ``python -m examples NAME``."""
