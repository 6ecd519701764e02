"""Pipeline `training_instructed`: fine-tune all weights on texts with instructions before them."""

from tuneproof.pipelines.training_instructed.pipeline import create_pipeline

__all__ = ["create_pipeline"]
