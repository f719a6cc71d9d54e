"""Reservoir computing as scikit-learn estimators: fixed random recurrent dynamics and trained readouts."""
