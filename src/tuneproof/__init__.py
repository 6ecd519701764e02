"""Fine-tune a sentence-embedding model on labelled pairs and prove what it changed."""

import os

__version__ = "0.1.0"

# OpenMP reads this when torch loads. Its default lets threads spin while they wait: alone that
# gains little, beside another busy process on the same cores each step took 15 times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
