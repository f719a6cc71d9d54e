"""Recurrent networks trained by backpropagation through time, without a deep-learning framework."""
