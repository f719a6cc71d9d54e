"""Accuracy on the tasks of the literature, by their protocols, beside their published figures."""
