"""Texts in, embeddings out: each distinct text is encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tuneproof.errors import DeviceError
from tuneproof.manifest import Manifest
from tuneproof.progress import progress_bar

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Device = Literal["auto", "cuda", "mps", "cpu"]
Precision = Literal["fp32", "bf16"]
Vectors = npt.NDArray[np.float32]
_COUNT_AT_ONCE = 1_000
_NEAREST_CHUNK = 4_000_000
_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "sve_bf16")


class TextPair(Protocol):
    """Whatever has two texts."""

    @property
    def texts(self) -> tuple[str, str]:
        """Both texts, in order."""


@dataclass(frozen=True)
class EmbeddingModel:
    """A sentence-embedding model with its origin.

    Attributes:
        transformer: The sentence-transformers model, on its device.
        manifest: Origin of the model.

    Examples:
        >>> model = catalog.load("standard_model")  # doctest: +SKIP
        >>> model.transformer.encode("boy: I bake my own bread").shape  # doctest: +SKIP
        (384,)
    """

    transformer: "SentenceTransformer"
    manifest: Manifest


@dataclass(frozen=True)
class PairEmbeddings:
    """The embeddings of both texts of n pairs.

    Attributes:
        vectors: Shape (n, 2, d), float32: pair, text_1 or text_2, dimension.
        manifest: Origin of the embeddings.
    """

    vectors: Vectors
    manifest: Manifest

    def __post_init__(self) -> None:
        if self.vectors.ndim != 3 or self.vectors.shape[1] != 2:
            raise ValueError(f"found shape {self.vectors.shape}, expected (pairs, 2, dimensions)")


def resolve_device(device: Device) -> str:
    """Choose where torch computes.

    Args:
        device: A device to force, or `auto` for the first available of cuda, mps, cpu.

    Returns:
        `cuda`, `mps` or `cpu`.

    Raises:
        DeviceError: The device is unknown, or this machine does not have it.
    """
    import torch

    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if device == "auto":
        return available[0]
    if device not in available:
        raise DeviceError(f"device: found {device!r}, expected auto or one of {available}")
    return device


def has_bf16(device: str) -> bool:
    """Tell whether a device multiplies in bfloat16, so that bf16 is faster there than fp32.

    torch computes in bf16 everywhere: without such instructions it converts to and fro, slowly.

    Args:
        device: A torch device such as `cpu` or `cuda:0`. Never raises: what this machine does not
            have, or what torch cannot tell of (a CPU before torch 2.10), has no bf16.

    Returns:
        On a CPU, whether it has AVX512-BF16, AMX-BF16 or SVE-BF16; on cuda, whether the GPU is
        of compute capability 8 or ROCm; on mps, whether Metal has the type (macOS 14).
    """
    import torch

    kind = device.partition(":")[0]
    if kind == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "mps":
        return torch.backends.mps.is_available() and torch.backends.mps.is_macos_or_newer(14, 0)
    if kind != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in _BF16_INSTRUCTIONS)


def load_transformer(folder: Path, device: Device) -> "SentenceTransformer":
    """Load a sentence-transformers folder in float32, without network and without remote code.

    Args:
        folder: A folder that sentence-transformers saved.
        device: `auto`, `cuda`, `mps` or `cpu`.

    Returns:
        The model on its device, in evaluation mode.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would show the milliseconds that weights take from disk
    return SentenceTransformer(
        str(folder),
        device=resolve_device(device),
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"dtype": torch.float32},
    ).eval()


def embed_texts(
    transformer: "SentenceTransformer",
    texts: Sequence[str],
    batch_size: int,
    precision: Precision = "fp32",
    *,
    progress: bool = True,
) -> Vectors:
    """Encode texts, each distinct text once, in batches of texts with like numbers of tokens.

    Like numbers of tokens leave little padding to compute. Which texts share a batch depends on
    the set of texts alone: neither their order nor how often one occurs changes an embedding.

    Args:
        transformer: The model, on its device; it is put in evaluation mode.
        texts: n texts.
        batch_size: Texts a forward pass, at least 1.
        precision: `fp32` computes in the precision of the weights, which is float32. `bf16`
            multiplies in bfloat16: fit for scoring, not for figures to report. It runs
            everywhere, and is faster where `has_bf16` says so. Cosines of all-MiniLM-L6-v2 move
            by less than 5e-3.
        progress: Show a bar; not for what is a part of something that shows one.

    Returns:
        Shape (n, d), float32. Normalised if the model ends with a normalising layer.

    Raises:
        ValueError: batch_size is less than 1.
    """
    import torch

    if batch_size < 1:
        raise ValueError(f"batch_size: found {batch_size}, expected at least 1")
    first: dict[str, int] = {}
    source = np.array([first.setdefault(text, row) for row, text in enumerate(texts)], np.int64)
    distinct = list(first)
    tokens = dict(zip(distinct, _count_tokens(transformer, distinct), strict=True))
    # The longest first: where memory does not suffice, it shows at once.
    distinct.sort(key=lambda text: (-tokens[text], text))
    vectors: Vectors = np.empty((len(texts), 0), dtype=np.float32)
    # Around all batches, because autocast keeps the converted weights until it ends.
    with (
        torch.autocast(transformer.device.type, torch.bfloat16, enabled=precision == "bf16"),
        progress_bar(len(distinct), "text", "encoding", shown=progress) as bar,
    ):
        for start in range(0, len(distinct), batch_size):
            batch = distinct[start : start + batch_size]
            encoded = transformer.encode(batch, batch_size=batch_size, show_progress_bar=False)
            if start == 0:
                vectors = np.empty((len(texts), encoded.shape[1]), dtype=np.float32)
            vectors[[first[text] for text in batch]] = encoded
            bar.update(len(batch))
    repeats = np.flatnonzero(source != np.arange(len(texts)))
    vectors[repeats] = vectors[source[repeats]]
    return vectors


def _count_tokens(transformer: "SentenceTransformer", texts: Sequence[str]) -> list[int]:
    """Count the tokens of each text that the model attends to.

    A model whose input has no attention mask does not pad (word vectors, bags of words): there
    the counts serve nothing but an order, and are those of the characters.
    """
    counts: list[int] = []
    for start in range(0, len(texts), _COUNT_AT_ONCE):
        part = list(texts[start : start + _COUNT_AT_ONCE])
        mask = transformer.preprocess(part).get("attention_mask")
        counts.extend([len(text) for text in part] if mask is None else mask.sum(dim=1).tolist())
    return counts


def embed_pairs(
    transformer: "SentenceTransformer",
    pairs: Sequence[TextPair],
    batch_size: int,
    precision: Precision = "fp32",
    *,
    progress: bool = True,
) -> Vectors:
    """Encode both texts of each pair.

    Args:
        transformer: The model.
        pairs: n pairs.
        batch_size: Texts a forward pass, at least 1.
        precision: As in `embed_texts`.
        progress: Likewise.

    Returns:
        Shape (n, 2, d), float32.
    """
    texts = [text for pair in pairs for text in pair.texts]
    vectors = embed_texts(transformer, texts, batch_size, precision, progress=progress)
    return vectors.reshape(len(pairs), 2, vectors.shape[1])


def pair_cosines(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Return the cosine similarity of the two texts of each pair.

    Args:
        vectors: Shape (n, 2, d).

    Returns:
        Shape (n,), float64, in [-1, 1].

    Raises:
        ValueError: An embedding is all zeros or not finite: its cosine is undefined.
    """
    wide = vectors.astype(np.float64)
    norms = np.linalg.norm(wide, axis=2)
    undefined = ~np.isfinite(norms) | (norms == 0)
    if undefined.any():
        row = int(np.flatnonzero(undefined.any(axis=1))[0])
        raise ValueError(f"pair {row}: found a zero or non-finite embedding, expected a direction")
    dots = np.einsum("nd,nd->n", wide[:, 0], wide[:, 1])
    cosines: npt.NDArray[np.float64] = np.clip(dots / norms.prod(axis=1), -1.0, 1.0)
    return cosines


def nearest_pairs(
    vectors: Vectors, references: Vectors
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find, for each pair, the reference pair whose texts are most like its own.

    The similarity of two pairs is the mean of the cosines of their texts, in the order of the
    texts that makes it larger.

    Args:
        vectors: Shape (n, 2, d).
        references: Shape (m, 2, d), m at least 1.

    Returns:
        Position of the nearest reference, of equals the first, and its similarity, in [-1, 1]:
        both of shape (n,).
    """
    unit, others = _unit(vectors), _unit(references)
    rows = np.empty(len(vectors), dtype=np.int64)
    similarities = np.empty(len(vectors), dtype=np.float64)
    step = max(1, _NEAREST_CHUNK // len(references))
    for start in range(0, len(vectors), step):
        part = unit[start : start + step]
        found = np.maximum(
            part[:, 0] @ others[:, 0].T + part[:, 1] @ others[:, 1].T,
            part[:, 0] @ others[:, 1].T + part[:, 1] @ others[:, 0].T,
        )
        best = found.argmax(axis=1)
        rows[start : start + step] = best
        similarities[start : start + step] = found[np.arange(len(part)), best] / 2
    return rows, np.clip(similarities, -1.0, 1.0)


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1, norms), dtype=np.float32)
