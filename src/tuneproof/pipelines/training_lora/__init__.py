"""Pipeline `training_lora`: fine-tune a LoRA adapter."""

from tuneproof.pipelines.training_lora.pipeline import create_pipeline

__all__ = ["create_pipeline"]
