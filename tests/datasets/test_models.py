"""Models and adapters on disk: what loads is what was saved, on the base it was trained on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError, Version
from safetensors.numpy import load_file, save_file

from tuneproof.base_model import load_base_model
from tuneproof.datasets.models import AdapterDataset, BaseModelDataset, ModelDataset
from tuneproof.encoding import EmbeddingModel, embed_texts
from tuneproof.manifest import ModelIdentity
from tuneproof.training.adapters import LoraOptions, add_adapter

TEXTS = ["boy: i like tea", "girl: i like cats", "girl: reading"]
VERSION = Version(None, "2026-01-01T00.00.00.000Z")


def base(folder: Path) -> EmbeddingModel:
    return load_base_model(str(folder), None, "cpu")


def adapter_dataset(place: Path, base_folder: Path) -> AdapterDataset:
    return AdapterDataset(
        filepath=place / "adapter", base_model=str(base_folder), device="cpu", version=VERSION
    )


@pytest.fixture
def adapted(tiny_model_folder: Path) -> EmbeddingModel:
    """A model whose adapter does something, as after training."""
    import torch

    model = base(tiny_model_folder)
    torch.manual_seed(3)
    add_adapter(model.transformer, LoraOptions(4, 8, 0.1, ("query", "value")))
    for name, parameter in model.transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    model.transformer.eval()
    return model


def test_the_base_model_loads_and_is_read_only(tiny_model_folder: Path) -> None:
    dataset = BaseModelDataset(name=str(tiny_model_folder), device="cpu")
    assert embed_texts(dataset.load().transformer, TEXTS, 2).shape == (3, 32)
    assert dataset.exists()


def test_a_model_comes_back_with_every_weight_and_its_manifest(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = base(tiny_model_folder)
    dataset = ModelDataset(filepath=tmp_path / "model", device="cpu", version=VERSION)
    dataset.save(model)
    loaded = dataset.load()
    assert loaded is not None
    np.testing.assert_array_equal(
        embed_texts(loaded.transformer, TEXTS, 2), embed_texts(model.transformer, TEXTS, 2)
    )
    assert loaded.manifest == model.manifest
    assert not list(dataset.latest_path().rglob("*.bin"))


def test_an_adapter_comes_back_on_its_base(
    adapted: EmbeddingModel, tiny_model_folder: Path, tmp_path: Path
) -> None:
    dataset = adapter_dataset(tmp_path, tiny_model_folder)
    expected = embed_texts(adapted.transformer, TEXTS, 2)
    dataset.save(adapted)
    loaded = dataset.load()
    assert loaded is not None
    found = embed_texts(loaded.transformer, TEXTS, 2)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    of_base = embed_texts(base(tiny_model_folder).transformer, TEXTS, 2)
    assert np.abs(found - of_base).max() > 1e-3


def test_a_saved_adapter_holds_no_base_weights_and_no_path(
    adapted: EmbeddingModel, tiny_model_folder: Path, tmp_path: Path
) -> None:
    dataset = adapter_dataset(tmp_path, tiny_model_folder)
    dataset.save(adapted)
    folder = dataset.latest_path()
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 1_000_000
    assert all("lora_" in name for name in load_file(folder / "adapter_model.safetensors"))
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == tiny_model_folder.name
    assert str(tiny_model_folder) not in "".join(path.read_text() for path in folder.glob("*.json"))


def test_sentence_transformers_alone_loads_the_adapter(
    adapted: EmbeddingModel, tiny_model_folder: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    dataset = adapter_dataset(tmp_path, tiny_model_folder)
    dataset.save(adapted)
    plain = SentenceTransformer(str(tiny_model_folder), device="cpu")
    plain.load_adapter(str(dataset.latest_path()))
    np.testing.assert_allclose(
        plain.encode(TEXTS), embed_texts(adapted.transformer, TEXTS, 2), atol=1e-6
    )


def rename_one_key(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(iter(tensors))
    tensors[name.replace("attention", "atention")] = tensors.pop(name)
    save_file(tensors, path, metadata={"format": "pt"})


def drop_one_key(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    tensors.pop(next(iter(tensors)))
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.parametrize("damage", [rename_one_key, drop_one_key])
def test_an_adapter_whose_keys_do_not_fit_is_refused(
    adapted: EmbeddingModel, tiny_model_folder: Path, tmp_path: Path, damage: object
) -> None:
    assert callable(damage)
    dataset = adapter_dataset(tmp_path, tiny_model_folder)
    dataset.save(adapted)
    damage(dataset.latest_path())
    with pytest.raises(DatasetError, match="adapter weights"):
        dataset.load()


def test_an_adapter_on_another_base_model_is_refused(
    adapted: EmbeddingModel, tiny_model_folder: Path, tmp_path: Path
) -> None:
    dataset = adapter_dataset(tmp_path, tiny_model_folder)
    dataset.save(adapted)
    other = tmp_path / "other"
    shutil.copytree(tiny_model_folder, other)
    weights = load_file(other / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name] + np.float32(0.1)
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DatasetError, match=r"expected [0-9a-f]{64}"):
        adapter_dataset(tmp_path, other).load()


def test_nothing_asks_for_a_network(
    adapted: EmbeddingModel,
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An adapter names its base model by hub id; neither saving nor loading may look it up."""
    import socket

    asked: list[str] = []

    def refuse(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    identity = ModelIdentity(
        name="sentence-transformers/all-MiniLM-L6-v2",
        revision=None,
        sha256=adapted.manifest.base_model.sha256,
    )
    named = adapted.manifest.model_copy(update={"base_model": identity})
    dataset = adapter_dataset(tmp_path, tiny_model_folder)
    dataset.save(EmbeddingModel(adapted.transformer, named))
    loaded = dataset.load()
    assert loaded is not None
    again = AdapterDataset(
        filepath=tmp_path / "again",
        base_model=str(tiny_model_folder),
        device="cpu",
        version=VERSION,
    )
    again.save(loaded)
    assert asked == []
