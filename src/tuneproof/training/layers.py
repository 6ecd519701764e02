"""Layers of a base model: which of them train, how much is dropped, how attention is computed."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tuneproof.errors import TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import Module, Parameter

logger = logging.getLogger(__name__)


def weights_of(transformer: "SentenceTransformer", layer: str) -> "list[Parameter]":
    """Return the weights of a layer: of all whose names hold its name between dots."""
    named = transformer.named_parameters()
    return [weight for name, weight in named if f".{layer}." in f".{name}"]


def layer_names(transformer: "SentenceTransformer") -> list[str]:
    """Return the parts of the names of all layers with weights, numbers left out, in order."""
    parts = {part for name, _ in transformer.named_parameters() for part in name.split(".")[:-1]}
    return sorted(part for part in parts if not part.isdigit())


def freeze(transformer: "SentenceTransformer", layers: Sequence[str]) -> None:
    """Keep the weights of some layers as they are.

    A name that the model lacks is only a warning, since base models differ: some have a pooler.

    Args:
        transformer: The model, with its adapter if it gets one.
        layers: Names as in `weights_of`.

    Raises:
        TrainingError: No weight is left to train.
    """
    for layer in layers:
        weights = weights_of(transformer, layer)
        if not weights:
            logger.warning(
                "frozen: the model has no layer %r; its weights are named like %s",
                layer,
                next(name for name, _ in transformer.named_parameters()),
            )
        for weight in weights:
            weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in transformer.parameters()):
        raise TrainingError(f"frozen: found {list(layers)}, expected some layer left to train")


@contextmanager
def eager_attention(transformer: "SentenceTransformer") -> Iterator[None]:
    """Compute attention by plain matrix products for a while, where the model lies on a CPU.

    There the gradient of PyTorch's fused attention takes longer than all else of a step: for 32
    texts of all-MiniLM-L6-v2 in bf16, the backward pass takes twice as long with it.
    """
    network = transformer.transformers_model
    if network is None or transformer.device.type != "cpu":
        yield
        return
    before = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(before)


def set_dropout(transformer: "Module", probability: float) -> None:
    """Set the probability of dropout wherever a model has one; what has none gets none.

    Most models keep it in modules of their own, some (ModernBERT, T5) that of attention as a number
    beside the weights. ModernBERT leaves a module out where its configuration says 0.

    Args:
        transformer: The model, without an adapter, which has a dropout of its own.
        probability: In [0, 1).
    """
    from torch.nn import Dropout

    found = False
    for module in transformer.modules():
        if isinstance(module, Dropout):
            module.p = probability
            found = True
        for name, value in vars(module).items():
            if "dropout" in name and type(value) in (int, float) and 0 <= value < 1:
                setattr(module, name, probability)
                found = True
    if probability and not found:
        logger.warning("dropout: the model has no place for it; %g drops nothing", probability)
