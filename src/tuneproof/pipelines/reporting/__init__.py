"""Pipeline `reporting`: charts and the HTML page."""

from tuneproof.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
