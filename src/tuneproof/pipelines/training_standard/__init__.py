"""Pipeline `training_standard`: fine-tune all weights."""

from tuneproof.pipelines.training_standard.pipeline import create_pipeline

__all__ = ["create_pipeline"]
