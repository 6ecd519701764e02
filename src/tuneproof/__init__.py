"""Fine-tune a sentence-embedding model on labelled pairs and prove what it changed."""

__version__ = "0.1.0"
