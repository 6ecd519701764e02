"""Embeddings and labels in, all metrics of one model out: the same for every model."""
