"""The fine-tuned models that are measured, compared and reported beside the base model."""

from collections.abc import Mapping
from typing import Final, Literal

ModelType = Literal["standard", "lora", "instructed"]

VARIANTS: Final[Mapping[str, str]] = {
    "standard": "standard_model",
    "lora": "lora_adapter",
    "instructed": "instructed_model",
}
"""Catalog name of each one's model, in the order of every table and chart.

A variant's name is also the namespace that measures it, and the beginning of its artifacts' names.
"""
