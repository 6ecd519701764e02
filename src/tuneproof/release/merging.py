"""The base model with an adapter merged into its weights: a plain model, proved to be the same."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneproof.encoding import embed_pairs
from tuneproof.errors import AdapterError
from tuneproof.pairs import DatingPair
from tuneproof.training.adapters import SAME_MERGED

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def merge_adapter(base: "SentenceTransformer", adapted: "SentenceTransformer") -> None:
    """Add an adapter's updates to the weights of its base model, in place.

    Each adapted weight W becomes W + (alpha / r) B A (Hu et al., 2021, section 4.1). A fresh base
    model is changed because an adapted one, its adapter taken out, saves its weights under names
    that only peft understands.

    Args:
        base: The base model, without an adapter; afterwards it saves and loads without peft.
        adapted: The same base model with one adapter; it stays as it is.

    Raises:
        AdapterError: The second model carries no adapter.
    """
    import torch
    from peft.tuners.lora import LoraLayer

    network: Any = adapted.transformers_model
    layers: dict[str, Any] = {
        name: module for name, module in network.named_modules() if isinstance(module, LoraLayer)
    }
    if not layers:
        raise AdapterError("found no adapter in the model, expected one to merge")
    plain: Any = base.transformers_model
    with torch.no_grad():
        for name, layer in layers.items():
            plain.get_submodule(name).weight += layer.get_delta_weight("default")


def merged_difference(
    adapted: "SentenceTransformer",
    merged: "SentenceTransformer",
    pairs: Sequence[DatingPair],
    batch_size: int,
) -> float:
    """Prove that a merged model is the adapted one but for rounding.

    Args:
        adapted: The model with its adapter.
        merged: The model that the adapter was merged into.
        pairs: At least one pair.
        batch_size: Texts a forward pass.

    Returns:
        The largest absolute difference of an embedding entry.

    Raises:
        AdapterError: They differ by more than merging may (the limit of `check_adapter`).
    """
    before = embed_pairs(adapted, pairs, batch_size).astype(np.float64)
    after = embed_pairs(merged, pairs, batch_size).astype(np.float64)
    difference = float(np.abs(after - before).max())
    # Not the other way round: what is not a number must not pass.
    if not difference <= SAME_MERGED:
        raise AdapterError(
            f"the merged model is not the adapted one: embeddings differ by up to {difference:.2e},"
            f" expected at most {SAME_MERGED:.0e}"
        )
    return difference
