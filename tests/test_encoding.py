from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import paired_cosine_distances

from tuneproof.encoding import (
    PairEmbeddings,
    embed_pairs,
    embed_texts,
    load_transformer,
    pair_cosines,
    resolve_device,
)
from tuneproof.errors import DeviceError
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.pairs import DatingPair

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Of several lengths, so that encode sorts them and pads the batches.
TEXTS = [
    "boy: i like cats",
    "girl: i love running and cooking and museums and hiking and tea",
    "a",
    "boy: i like cats",
    "girl: i hate smoking",
    "a",
    "boy: i enjoy music but i hate coffee",
]


@pytest.fixture(scope="module")
def tiny(tiny_model_folder: Path) -> "SentenceTransformer":
    return load_transformer(tiny_model_folder, "cpu")


def pair(text_1: str, text_2: str) -> DatingPair:
    return DatingPair(
        text_1=text_1, text_2=text_2, label=1, category="c", subcategory="s", pair_type="p"
    )


class TestEmbedTexts:
    @pytest.mark.parametrize("batch_size", [1, 3, 64])
    def test_equals_encoding_each_text_alone(
        self, tiny: "SentenceTransformer", batch_size: int
    ) -> None:
        expected = np.stack([tiny.encode(text) for text in TEXTS])
        found = embed_texts(tiny, TEXTS, batch_size)
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() < 1e-6
        # The model tells the texts apart, so a wrong order would show.
        assert np.abs(expected[0] - expected[1]).max() > 1e-3

    def test_encodes_each_distinct_text_once(self, tiny: "SentenceTransformer") -> None:
        sizes: list[int] = []

        def count(_: object, inputs: tuple[dict[str, Any], ...]) -> None:
            sizes.append(len(inputs[0]["input_ids"]))

        hook = tiny[0].register_forward_pre_hook(count)
        try:
            found = embed_texts(tiny, TEXTS, batch_size=2)
        finally:
            hook.remove()
        assert sum(sizes) == len(set(TEXTS)) == 5
        assert max(sizes) <= 2
        assert np.array_equal(found[0], found[3])

    def test_vectors_are_normalised(self, tiny: "SentenceTransformer") -> None:
        assert np.linalg.norm(embed_texts(tiny, TEXTS, 8), axis=1) == pytest.approx(1, abs=1e-6)


def test_embed_pairs_keeps_order_and_sides(tiny: "SentenceTransformer") -> None:
    pairs = [pair(TEXTS[0], TEXTS[1]), pair(TEXTS[1], TEXTS[4]), pair(TEXTS[4], TEXTS[0])]
    vectors = embed_pairs(tiny, pairs, 2)
    assert vectors.shape == (3, 2, 32)
    for row, pair_ in zip(vectors, pairs, strict=True):
        for vector, text in zip(row, pair_.texts, strict=True):
            assert np.abs(vector - tiny.encode(text)).max() < 1e-6


class TestPairCosines:
    @given(st.integers(0, 2**32), st.integers(1, 6), st.floats(1e-3, 1e12))
    def test_agrees_with_scikit_learn(self, seed: int, dimensions: int, scale: float) -> None:
        drawn = np.random.default_rng(seed).normal(size=(9, 2, dimensions)) * scale
        vectors = drawn.astype(np.float32)
        found = pair_cosines(vectors)
        wide = vectors.astype(np.float64)
        assert found.dtype == np.float64
        assert found == pytest.approx(1 - paired_cosine_distances(wide[:, 0], wide[:, 1]), abs=1e-9)
        by_hand = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in wide]
        assert found == pytest.approx(by_hand, abs=1e-12)
        assert (np.abs(found) <= 1).all()

    def test_known_answers_and_bounds(self) -> None:
        vectors = np.array(
            [[[3, 4], [4, 3]], [[1, 0], [0, 2]], [[0.1, 0.3], [0.2, 0.6]], [[1, 1], [-2, -2]]],
            dtype=np.float32,
        )
        assert pair_cosines(vectors) == pytest.approx([0.96, 0, 1, -1])
        same = np.repeat(np.random.default_rng(0).normal(size=(500, 1, 384)), 2, axis=1)
        assert (np.abs(pair_cosines(same.astype(np.float32))) <= 1).all()

    @pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
    @pytest.mark.parametrize("side", [0, 1])
    def test_undefined_direction_is_an_error(self, value: float, side: int) -> None:
        vectors = np.ones((4, 2, 3), dtype=np.float32)
        vectors[2, side] = value
        with pytest.raises(ValueError, match="pair 2: found a zero or non-finite embedding"):
            pair_cosines(vectors)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 4, 2, 5)])
def test_pair_embeddings_refuse_another_shape(shape: tuple[int, ...]) -> None:
    manifest = Manifest(
        base_model=ModelIdentity(name="m", revision=None, sha256="a" * 64),
        environment=Environment(python="3", libraries={}, git_commit=None),
    )
    with pytest.raises(ValueError, match=r"expected \(pairs, 2, dimensions\)"):
        PairEmbeddings(np.zeros(shape, dtype=np.float32), manifest)


class TestResolveDevice:
    def test_cpu_is_always_there(self) -> None:
        assert resolve_device("cpu") == "cpu"
        assert resolve_device("auto") in ("cuda", "mps", "cpu")

    def test_unknown_device_is_an_error(self) -> None:
        with pytest.raises(DeviceError, match="found 'tpu', expected auto or one of"):
            resolve_device("tpu")  # type: ignore[arg-type]  # the fault


def test_loaded_model_is_float32_and_in_evaluation_mode(tiny: "SentenceTransformer") -> None:
    import torch

    assert not tiny.training
    assert {parameter.dtype for parameter in tiny.parameters()} == {torch.float32}
