"""Layers of the sequence models: combinators, attention, decoders, embeddings, pooling, trees."""
