"""Do the embeddings still use the space, or have they collapsed?

A loss that pulls pairs together can be satisfied by moving every text to one place. Everywhere
below, `vectors` holds the embedding of one text a row, shape (n, d). Only their directions count,
as for the cosine, so lengths are divided out. Pass each distinct text once: a text that stands in
many pairs says nothing more about the space, and would pair with itself at cosine 1.
"""

import math

import numpy as np
import numpy.typing as npt

from tuneproof.metrics import Array

# Rows of a tile of the matrix of all pairs: tiles of 8 MB, whatever the number of texts.
_TILE = 1024


def anisotropy(vectors: Array) -> float | None:
    """Mean cosine of two different texts: 0 for directions spread evenly, 1 for a single one.

    Source: Ethayarajh (2019), How Contextual are Contextualized Word Representations? There it is
    estimated from sampled pairs; here it covers all of them, in O(n d): the squared length of the
    sum of unit vectors is the sum of all cosines, (|sum_i u_i|^2 - n) / (n (n - 1)).

    Args:
        vectors: Shape (n, d), one row a distinct text.

    Returns:
        In [-1 / (n - 1), 1]; None below 2 texts.

    Raises:
        ValueError: A vector is all zeros or not finite.
    """
    n = len(vectors)
    if n < 2:
        return None
    total = _directions(vectors).sum(axis=0)
    # Rounding may put the mean of like directions just above 1.
    return min(1.0, float((total @ total - n) / (n * (n - 1))))


def effective_rank(vectors: Array) -> float | None:
    """Number of dimensions that the texts spread over: effective rank of their covariance matrix.

    exp(-sum_k p_k log p_k), p_k the k-th singular value of the covariance matrix over their sum,
    that is the share of variance along the k-th principal component.
    Source: Roy and Vetterli (2007), The Effective Rank: A Measure of Effective Dimensionality.

    It is taken of the covariance matrix, not of the matrix of embeddings: what all texts have in
    common is not spread (`anisotropy` measures it), and shares of variance are what a principal
    component analysis shows. A sample of n texts cannot show more than n - 1 dimensions, so
    compare models on the same texts.

    Args:
        vectors: Shape (n, d), one row a distinct text.

    Returns:
        In [1, min(n - 1, d)]; None below 2 texts, or if they differ by no more than float32
        rounds.

    Raises:
        ValueError: A vector is all zeros or not finite.
    """
    if len(vectors) < 2:
        return None
    directions = _directions(vectors)
    centred = directions - directions.mean(axis=0)
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    if variances.sum() <= len(vectors) * float(np.finfo(np.float32).eps) ** 2:
        return None
    shares = variances / variances.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def alignment(first: Array, second: Array) -> float | None:
    """Mean squared distance of the unit vectors of texts that belong together; lower is closer.

    mean_i |u_i - v_i|^2 = 2 - 2 mean cosine.
    Source: Wang and Isola (2020), Understanding Contrastive Representation Learning through
    Alignment and Uniformity on the Hypersphere, with alpha = 2.

    Args:
        first: Embedding of one text of each compatible pair, shape (n, d).
        second: Embedding of the other, shape (n, d).

    Returns:
        In [0, 4]; None of no pairs.

    Raises:
        ValueError: A vector is all zeros or not finite, or the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"found shapes {first.shape} and {second.shape}, expected equal ones")
    if not len(first):
        return None
    gaps = _directions(first) - _directions(second)
    return float((gaps**2).sum(axis=1).mean())


def uniformity(vectors: Array) -> float | None:
    """Log of the mean Gaussian potential of two different texts; lower is more evenly spread.

    log mean_{i < j} exp(-2 |u_i - u_j|^2): 0 for a single point. Even spread over a sphere of many
    dimensions, where |u - v|^2 is close to 2, gives about -4.
    Source: Wang and Isola (2020), as for `alignment`, with t = 2. Exact, over all pairs in tiles:
    O(n^2 d) time, and memory for a few tiles.

    Args:
        vectors: Shape (n, d), one row a distinct text.

    Returns:
        In [-8, 0]; None below 2 texts.

    Raises:
        ValueError: A vector is all zeros or not finite.
    """
    n = len(vectors)
    if n < 2:
        return None
    potential = 0.0
    for start in range(0, n, _TILE):
        rows = _directions(vectors[start : start + _TILE])
        potential += float(np.tril(_potentials(rows, rows), k=-1).sum())
        for before in range(0, start, _TILE):
            columns = _directions(vectors[before : before + _TILE])
            potential += float(_potentials(rows, columns).sum())
    return math.log(potential / (n * (n - 1) / 2))


def _potentials(rows: Array, columns: Array) -> npt.NDArray[np.float64]:
    """Return exp(-2 |u - v|^2) of all unit vectors u in rows and v in columns."""
    cosines: npt.NDArray[np.float64] = rows @ columns.T
    cosines -= 1
    cosines *= 4
    # Rounding may put the cosine of like directions just above 1.
    np.minimum(cosines, 0, out=cosines)
    return np.exp(cosines, out=cosines)


def _directions(vectors: Array) -> npt.NDArray[np.float64]:
    """Divide each row by its length."""
    wide = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    undefined = ~np.isfinite(lengths) | (lengths == 0)
    if undefined.any():
        raise ValueError(
            f"found {int(undefined.sum())} zero or non-finite embeddings, expected directions"
        )
    directions: npt.NDArray[np.float64] = wide / lengths
    return directions
