"""The adapter check: passes for the adapter that was trained, and for no other."""

from pathlib import Path

import numpy as np
import pytest

from tuneproof.base_model import load_base_model
from tuneproof.encoding import EmbeddingModel, Vectors, embed_pairs
from tuneproof.errors import AdapterError
from tuneproof.training.adapters import (
    LoraOptions,
    add_adapter,
    check_adapter,
    load_adapter,
    save_adapter,
)

from .test_engine import PAIRS

OPTIONS = LoraOptions(rank=4, alpha=8, dropout=0.1, target_modules=("query", "value"))


def adapted(folder: Path, scale: float = 0.5) -> EmbeddingModel:
    """Return a model whose adapter moves the embeddings by an amount that grows with scale."""
    import torch

    model = load_base_model(str(folder), None, "cpu")
    torch.manual_seed(3)
    add_adapter(model.transformer, OPTIONS)
    for name, parameter in model.transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=scale)
    model.transformer.eval()
    return model


def reload(model: EmbeddingModel, base: Path, place: Path) -> EmbeddingModel:
    save_adapter(model.transformer, place / "adapter", model.manifest.base_model)
    fresh = load_base_model(str(base), None, "cpu")
    load_adapter(fresh.transformer, place / "adapter")
    return fresh


def embeddings(model: EmbeddingModel) -> Vectors:
    return embed_pairs(model.transformer, PAIRS, 8)


def test_a_true_copy_passes_and_is_left_as_it_was(tiny_model_folder: Path, tmp_path: Path) -> None:
    model = adapted(tiny_model_folder)
    copy = reload(model, tiny_model_folder, tmp_path)
    check = check_adapter(copy.transformer, embeddings(model), PAIRS, 8)
    assert check.reloaded_against_trained <= 1e-6
    assert check.reloaded_against_base > 1e-3
    assert check.merged_against_unmerged <= 1e-5
    np.testing.assert_allclose(embeddings(copy), embeddings(model), atol=1e-6)


def test_the_check_measures_the_distance_to_the_base_model(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = adapted(tiny_model_folder)
    copy = reload(model, tiny_model_folder, tmp_path)
    check = check_adapter(copy.transformer, embeddings(model), PAIRS, 8)
    base = embeddings(load_base_model(str(tiny_model_folder), None, "cpu"))
    assert check.reloaded_against_base == pytest.approx(np.abs(embeddings(model) - base).max())


def test_another_adapter_than_the_trained_one_fails(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    copy = reload(adapted(tiny_model_folder), tiny_model_folder, tmp_path)
    trained = embeddings(adapted(tiny_model_folder, scale=0.6))
    with pytest.raises(AdapterError, match="does not reproduce the trained model"):
        check_adapter(copy.transformer, trained, PAIRS, 8)


def test_an_adapter_that_changes_nothing_fails(tiny_model_folder: Path, tmp_path: Path) -> None:
    model = adapted(tiny_model_folder, scale=0.0)
    copy = reload(model, tiny_model_folder, tmp_path)
    with pytest.raises(AdapterError, match="changes nothing"):
        check_adapter(copy.transformer, embeddings(model), PAIRS, 8)


def test_an_adapter_that_merges_wrongly_fails(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merge twice the update, as a wrong scaling would."""
    from peft.tuners.lora.layer import Linear

    model = adapted(tiny_model_folder)
    copy = reload(model, tiny_model_folder, tmp_path)
    right = Linear.get_delta_weight
    monkeypatch.setattr(Linear, "get_delta_weight", lambda self, name: 2 * right(self, name))
    with pytest.raises(AdapterError, match="merging the adapter"):
        check_adapter(copy.transformer, embeddings(model), PAIRS, 8)
