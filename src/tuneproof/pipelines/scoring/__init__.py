"""Pipeline `scoring`: say of new pairs what a measured model makes of them."""

from tuneproof.pipelines.scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
