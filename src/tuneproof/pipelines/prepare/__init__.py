"""Pipeline `prepare`: validate the pairs and split validation pairs off."""

from tuneproof.pipelines.prepare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
