"""The merged model is the adapted one, and what is not is found out."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.comparison.examples import some_pairs
from tuneproof.base_model import load_base_model
from tuneproof.encoding import embed_pairs, load_transformer
from tuneproof.errors import AdapterError
from tuneproof.release.merging import merge_adapter, merged_difference
from tuneproof.training.adapters import LoraOptions, add_adapter

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PAIRS = some_pairs([0, 1] * 5)


def base(folder: Path) -> "SentenceTransformer":
    return load_base_model(str(folder), None, "cpu").transformer


def adapted(folder: Path, alpha: float = 6) -> "SentenceTransformer":
    """Return a model whose adapter changes it, on layers of two shapes, alpha / r not 1."""
    import torch

    transformer = base(folder)
    torch.manual_seed(0)
    modules = ("query", "value", "intermediate.dense")
    add_adapter(transformer, LoraOptions(rank=4, alpha=alpha, dropout=0.1, target_modules=modules))
    for name, parameter in transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return transformer.eval()


def test_a_merged_model_saves_and_loads_as_the_adapted_one(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    lora, merged = adapted(tiny_model_folder), base(tiny_model_folder)
    before = merged_difference_of(lora, merged)
    merge_adapter(merged, lora)
    assert merged_difference(lora, merged, PAIRS, 4) <= 1e-6
    assert before > 1e-3
    merged.save(str(tmp_path / "merged"), create_model_card=False)
    again = load_transformer(tmp_path / "merged", "cpu")
    assert merged_difference(lora, again, PAIRS, 4) <= 1e-6


def test_another_model_is_found_out(tiny_model_folder: Path) -> None:
    with pytest.raises(AdapterError, match="the merged model is not the adapted one"):
        merged_difference(adapted(tiny_model_folder), base(tiny_model_folder), PAIRS, 4)


def test_what_is_not_a_number_is_found_out(tiny_model_folder: Path) -> None:
    import torch

    lora, merged = adapted(tiny_model_folder), base(tiny_model_folder)
    torch.nn.init.constant_(next(merged.parameters()), float("nan"))
    with pytest.raises(AdapterError, match="differ by up to nan"):
        merged_difference(lora, merged, PAIRS, 4)


def test_a_model_without_adapter_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(AdapterError, match="found no adapter"):
        merge_adapter(base(tiny_model_folder), base(tiny_model_folder))


def merged_difference_of(one: "SentenceTransformer", other: "SentenceTransformer") -> float:
    return float(np.abs(embed_pairs(one, PAIRS, 4) - embed_pairs(other, PAIRS, 4)).max())
