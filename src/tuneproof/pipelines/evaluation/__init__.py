"""Pipeline `evaluation`: measure the fine-tuned models and compare them."""

from tuneproof.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
