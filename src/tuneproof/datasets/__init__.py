"""Catalog dataset types that kedro-datasets lacks: atomic, versioned, never pickled."""
