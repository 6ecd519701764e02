"""Thin pipelines: a node calls the rooms above, the catalog reads and writes."""
