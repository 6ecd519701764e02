"""Pipeline `measure`: the template that measures a model."""

from tuneproof.pipelines.measure.pipeline import create_pipeline

__all__ = ["create_pipeline"]
