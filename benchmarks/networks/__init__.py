"""Recurrent networks: speed beside PyTorch, and tasks of long memory."""
