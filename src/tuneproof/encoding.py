"""Texts in, embeddings out: each distinct text is encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tuneproof.errors import DeviceError
from tuneproof.manifest import Manifest

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Device = Literal["auto", "cuda", "mps", "cpu"]
Vectors = npt.NDArray[np.float32]
_SHOW_PROGRESS_FROM = 2_000
_NEAREST_CHUNK = 4_000_000


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

    Example:
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
    transformer: "SentenceTransformer", texts: Sequence[str], batch_size: int
) -> Vectors:
    """Encode texts in the model's own precision, each distinct text once.

    Args:
        transformer: The model.
        texts: n texts.
        batch_size: Texts a forward pass.

    Returns:
        Shape (n, d), float32. Normalised if the model ends with a normalising layer.
    """
    position: dict[str, int] = {}
    index = [position.setdefault(text, len(position)) for text in texts]
    encoded = transformer.encode(
        list(position),
        batch_size=batch_size,
        convert_to_numpy=True,
        show_progress_bar=len(position) >= _SHOW_PROGRESS_FROM,
    )
    return np.asarray(encoded, dtype=np.float32)[index]


def embed_pairs(
    transformer: "SentenceTransformer", pairs: Sequence[TextPair], batch_size: int
) -> Vectors:
    """Encode both texts of each pair.

    Args:
        transformer: The model.
        pairs: n pairs.
        batch_size: Texts a forward pass.

    Returns:
        Shape (n, 2, d), float32.
    """
    texts = [text for pair in pairs for text in pair.texts]
    vectors = embed_texts(transformer, texts, batch_size)
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
