"""Is the data fit to train on and to prove anything: scores, leakage, shortcuts, label errors."""
