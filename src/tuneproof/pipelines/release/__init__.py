"""Pipeline `release`: hand over what was trained, with what is known of it."""

from tuneproof.pipelines.release.pipeline import create_pipeline

__all__ = ["create_pipeline"]
