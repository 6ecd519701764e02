"""Template: what to make of a training run, the same for every variant."""
