"""Pipeline `data_quality`: audit the pairs before anything is trained on them."""

from tuneproof.pipelines.data_quality.pipeline import create_pipeline

__all__ = ["create_pipeline"]
