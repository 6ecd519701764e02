"""One engine for every run; only configuration and the adapter differ."""
