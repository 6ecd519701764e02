"""Pipeline `sweep`: train many configurations and compare them on the validation pairs."""

from tuneproof.pipelines.sweep.pipeline import create_pipeline

__all__ = ["create_pipeline"]
