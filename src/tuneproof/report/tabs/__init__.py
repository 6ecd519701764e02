"""The tabs of the report, a module for each."""
