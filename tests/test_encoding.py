import io
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import paired_cosine_distances
from tqdm import tqdm

from tuneproof import encoding
from tuneproof.encoding import (
    PairEmbeddings,
    Precision,
    Vectors,
    embed_pairs,
    embed_texts,
    has_bf16,
    load_transformer,
    nearest_pairs,
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

    @settings(max_examples=20)  # each encodes twice
    @given(
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=20),
        st.integers(1, 4),
        st.randoms(use_true_random=False),
        st.sampled_from(["fp32", "bf16"]),
    )
    def test_order_and_multiplicity_do_not_matter(
        self,
        tiny: "SentenceTransformer",
        texts: list[str],
        batch_size: int,
        shuffler: random.Random,
        precision: Precision,
    ) -> None:
        # Once each and in order, against repeated and shuffled: not even the last bit differs.
        distinct = sorted(set(texts))
        found = embed_texts(tiny, distinct, batch_size, precision)
        shuffled = texts + distinct
        shuffler.shuffle(shuffled)
        again = embed_texts(tiny, shuffled, batch_size, precision)
        assert np.array_equal(again, found[[distinct.index(text) for text in shuffled]])

    def test_texts_of_like_length_share_a_batch(self, tiny: "SentenceTransformer") -> None:
        # By characters the order would be another: unknown words are one token, however long.
        texts = ["i like cats and dogs and tea", "x" * 40, "y" * 39, "a b c d e f g"]
        shapes: list[tuple[int, ...]] = []

        def note(_: object, inputs: tuple[dict[str, Any], ...]) -> None:
            shapes.append(tuple(inputs[0]["input_ids"].shape))

        hook = tiny[0].register_forward_pre_hook(note)
        try:
            embed_texts(tiny, texts, batch_size=2)
        finally:
            hook.remove()
        assert shapes == [(2, 9), (2, 3)]

    def test_batches_depend_on_the_set_of_texts(self, tiny: "SentenceTransformer") -> None:
        texts = ["a", "b", "c", "d", "i like cats", "i like dogs"]
        batches: list[list[list[int]]] = []

        def note(_: object, inputs: tuple[dict[str, Any], ...]) -> None:
            batches.append(inputs[0]["input_ids"].tolist())

        hook = tiny[0].register_forward_pre_hook(note)
        try:
            embed_texts(tiny, texts, batch_size=2)
            embed_texts(tiny, [*texts[::-1], "c", "a"], batch_size=2)
        finally:
            hook.remove()
        assert len(batches) == 6
        assert batches[:3] == batches[3:]

    def test_counting_in_parts_changes_nothing(
        self, tiny: "SentenceTransformer", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = embed_texts(tiny, TEXTS, 2)
        monkeypatch.setattr(encoding, "_COUNT_AT_ONCE", 2)
        assert np.array_equal(embed_texts(tiny, TEXTS, 2), whole)

    def test_bf16_is_near_and_not_the_same(self, tiny: "SentenceTransformer") -> None:
        exact, near = embed_texts(tiny, TEXTS, 3), embed_texts(tiny, TEXTS, 3, "bf16")
        assert near.dtype == np.float32
        assert 0 < np.abs(near - exact).max() < 2e-2
        # The weights are as they were.
        assert np.array_equal(embed_texts(tiny, TEXTS, 3), exact)

    def test_fp32_holds_inside_autocast(self, tiny: "SentenceTransformer") -> None:
        import torch

        expected = embed_texts(tiny, TEXTS, 3)
        with torch.autocast("cpu", torch.bfloat16):
            assert np.array_equal(embed_texts(tiny, TEXTS, 3), expected)

    def test_no_texts(self, tiny: "SentenceTransformer") -> None:
        assert len(embed_texts(tiny, [], 8)) == 0
        assert embed_pairs(tiny, [], 8).shape[:2] == (0, 2)

    @pytest.mark.parametrize("batch_size", [0, -3])
    def test_refuses_a_batch_of_nothing(self, tiny: "SentenceTransformer", batch_size: int) -> None:
        with pytest.raises(ValueError, match=f"batch_size: found {batch_size}, expected at least"):
            embed_texts(tiny, TEXTS, batch_size)

    def test_shows_progress_of_each_distinct_text(
        self, tiny: "SentenceTransformer", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[tuple[float, float | None]] = []

        class Bar(tqdm):  # type: ignore[type-arg]
            def close(self) -> None:
                done.append((self.n, self.total))
                super().close()

        def bar(total: int, unit: str, description: str, *, shown: bool) -> Bar:
            assert (total, unit, description, shown) == (3, "text", "encoding", True)
            return Bar(total=total, file=io.StringIO())

        monkeypatch.setattr(encoding, "progress_bar", bar)
        embed_texts(tiny, ["a", "b", "c"] * 2, 2)
        assert done[0] == (3, 3)


class TestOtherModels:
    """Whatever sentence-transformers loads: what comes out is what its own encode gives."""

    @pytest.mark.parametrize("kind", ["cls", "dense", "prompt", "truncated", "router"])
    def test_equals_encode(self, tiny_model_folder: Path, kind: str) -> None:
        model = model_of_kind(kind, tiny_model_folder)
        expected = np.stack([model.encode(text) for text in TEXTS])
        found = embed_texts(model, TEXTS, 2)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-6
        tiny = load_transformer(tiny_model_folder, "cpu").encode(TEXTS)
        # What was changed shows.
        tiny = load_transformer(tiny_model_folder, "cpu").encode(TEXTS)
        assert found.shape != tiny.shape or np.abs(found - tiny).max() > 1e-3

    def test_a_model_that_does_not_pad(self) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import BoW

        model = SentenceTransformer(
            modules=[BoW(["cats", "running", "tea", "coffee", "a"])], device="cpu"
        )
        expected = np.stack([model.encode(text) for text in TEXTS])
        assert np.array_equal(embed_texts(model, TEXTS, 2), expected)
        assert expected.any()

    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    def test_an_adapter(self, tiny_model_folder: Path, precision: Precision) -> None:
        import torch
        from peft import LoraConfig

        model = load_transformer(tiny_model_folder, "cpu")
        plain = embed_texts(model, TEXTS, 2, precision)
        config = LoraConfig(r=4, lora_alpha=64, target_modules=["value"], init_lora_weights=False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model.add_adapter(config)
        found = embed_texts(model, TEXTS, 2, precision)
        expected = np.stack([model.encode(text) for text in TEXTS])
        assert np.abs(found - expected).max() < (1e-6 if precision == "fp32" else 2e-2)
        assert np.abs(found - plain).max() > 3e-2


def model_of_kind(kind: str, folder: Path) -> "SentenceTransformer":
    """The tiny model with one thing changed."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Router
    from sentence_transformers.sentence_transformer.modules import Pooling

    model = load_transformer(folder, "cpu")
    if kind == "cls":
        return SentenceTransformer(modules=[model[0], Pooling(32, "cls")], device="cpu")
    if kind == "dense":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            dense = Dense(32, 8)
        return SentenceTransformer(modules=[model[0], model[1], dense], device="cpu")
    if kind == "prompt":
        model.prompts = {"topic": "dogs tea coffee "}
        model.default_prompt_name = "topic"
    if kind == "truncated":
        model.truncate_dim = 5
    if kind == "router":
        routes = {"query": [model[0], Pooling(32, "max")], "document": [model[0], model[1]]}
        router = Router(routes, default_route="query")
        return SentenceTransformer(modules=[router], device="cpu")
    return model


class TestHasBf16:
    def test_follows_the_instructions_of_the_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        for capabilities, expected in [
            ({"avx512_bf16": True}, True),
            ({"amx_bf16": True, "avx512_bf16": False}, True),
            ({"sve_bf16": True}, True),
            ({"avx512_f": True, "avx2": True}, False),  # AVX512 alone computes it slowly
            ({}, False),
        ]:
            monkeypatch.setattr(
                torch.cpu, "get_capabilities", lambda found=capabilities: found, raising=False
            )
            assert has_bf16("cpu") is expected
            assert has_bf16("cpu:0") is expected

    def test_an_older_torch_cannot_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
        assert has_bf16("cpu") is False

    def test_a_gpu_that_emulates_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        for native in (True, False):
            monkeypatch.setattr(
                torch.cuda,
                "is_bf16_supported",
                lambda including_emulation=True, native=native: native or including_emulation,
            )
            assert has_bf16("cuda:0") is native

    @pytest.mark.parametrize("newer", [True, False])
    def test_metal_has_it_from_macos_14(self, newer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        monkeypatch.setattr(
            torch.backends.mps,
            "is_macos_or_newer",
            lambda major, minor: newer and (major, minor) == (14, 0),
        )
        assert has_bf16("mps") is newer

    @pytest.mark.parametrize("device", ["cuda", "mps"])
    def test_a_device_that_is_not_there(self, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert has_bf16(device) is False

    @pytest.mark.parametrize("device", ["", "xla", "no such device"])
    def test_an_unknown_device(self, device: str) -> None:
        assert has_bf16(device) is False


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


def pair_similarity(first: Vectors, second: Vectors) -> float:
    """Mean cosine of two pairs in the better order, one cosine at a time."""

    def cosine(u: Vectors, v: Vectors) -> float:
        lengths = float(np.linalg.norm(u) * np.linalg.norm(v))
        return float(u @ v) / lengths if lengths else 0.0

    (a, b), (c, d) = first.astype(np.float64), second.astype(np.float64)
    return max(cosine(a, c) + cosine(b, d), cosine(a, d) + cosine(b, c)) / 2


# Small whole numbers: many ties, zero vectors and opposite directions.
@st.composite
def pair_vectors(draw: st.DrawFn, dimensions: int) -> Vectors:
    count = draw(st.integers(1, 7))
    size = count * 2 * dimensions
    values = draw(st.lists(st.integers(-2, 2), min_size=size, max_size=size))
    return np.array(values, dtype=np.float32).reshape(count, 2, dimensions)


class TestNearestPairs:
    @given(pair_vectors(3), pair_vectors(3), st.integers(1, 30))
    def test_equals_brute_force_in_chunks_of_any_size(
        self, vectors: Vectors, references: Vectors, chunk: int
    ) -> None:
        expected = np.array(
            [[pair_similarity(one, other) for other in references] for one in vectors]
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encoding, "_NEAREST_CHUNK", chunk)
            rows, similarities = nearest_pairs(vectors, references)
        assert rows.shape == similarities.shape == (len(vectors),)
        assert similarities == pytest.approx(expected.max(axis=1), abs=1e-6)
        # Of references that only rounding tells apart, any one is right.
        assert expected[np.arange(len(vectors)), rows] == pytest.approx(similarities, abs=1e-6)
        assert (np.abs(similarities) <= 1).all()

    @given(pair_vectors(3), pair_vectors(3), st.floats(0.01, 100))
    def test_order_of_the_texts_and_lengths_do_not_matter(
        self, vectors: Vectors, references: Vectors, scale: float
    ) -> None:
        _, similarities = nearest_pairs(vectors, references)
        for one, other in (
            (vectors[:, ::-1], references),
            (vectors, references[:, ::-1]),
            (vectors * np.float32(scale), references),
        ):
            assert nearest_pairs(one, other)[1] == pytest.approx(similarities, abs=1e-6)

    @pytest.mark.parametrize("chunk", [1, 5, 4_000_000])
    def test_of_equal_references_the_first(
        self, chunk: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoding, "_NEAREST_CHUNK", chunk)
        axes = np.eye(4, dtype=np.float32)
        references = axes[[[2, 3], [0, 1], [1, 0], [0, 1], [2, 3]]]
        vectors = axes[[[0, 1], [1, 0], [3, 2], [0, 2]]]
        rows, similarities = nearest_pairs(vectors, references)
        assert rows.tolist() == [1, 1, 0, 0]
        assert similarities.tolist() == [1, 1, 1, 0.5]

    def test_a_zero_vector_is_like_nothing(self) -> None:
        axes = np.eye(2, dtype=np.float32)
        nothing = np.zeros(2, dtype=np.float32)
        vectors = np.array([[nothing, nothing], [axes[0], nothing]])
        rows, similarities = nearest_pairs(
            vectors, np.array([[axes[1], axes[1]], [axes[1], axes[0]]])
        )
        assert rows.tolist() == [0, 1]
        assert similarities.tolist() == [0, 0.5]


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
