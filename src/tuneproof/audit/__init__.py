"""Is the data fit to train on: five scores, leakage, and warnings in plain words."""
