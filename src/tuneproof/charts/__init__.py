"""Data in, figure out: charts of what was measured, all in one style.

Every function takes plain arrays, frames and mappings and returns a `matplotlib.figure.Figure`;
none of them touches pyplot. Mappings by model hold the models that exist, in the order of drawing.
"""
