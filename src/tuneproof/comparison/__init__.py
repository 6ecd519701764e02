"""The metrics of several models in, differences, criteria, errors and a verdict out."""
