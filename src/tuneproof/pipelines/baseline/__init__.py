"""Pipeline `baseline`: the base model, measured before anything is trained."""

from tuneproof.pipelines.baseline.pipeline import create_pipeline

__all__ = ["create_pipeline"]
