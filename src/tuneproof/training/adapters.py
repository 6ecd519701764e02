"""LoRA adapters: adding, saving, reloading, and proving that the saved one is the trained one."""

import json
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from tuneproof.encoding import Vectors, embed_pairs
from tuneproof.errors import AdapterError
from tuneproof.manifest import ModelIdentity
from tuneproof.pairs import DatingPair
from tuneproof.training.result import AdapterCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peft.tuners.tuners_utils import BaseTunerLayer
    from sentence_transformers import SentenceTransformer

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
# Embedding entries of a unit vector are of the order 0.05. A reload reproduces them to rounding;
# merging adds the update to the weights first, which rounds differently in every layer.
_SAME = 1e-6
SAME_MERGED = 1e-4
"""Largest difference of an embedding entry between an adapter and its merged model."""
_DIFFERENT = 1e-5


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LoraOptions:
    """Parameters of a LoRA adapter (Hu et al., 2021).

    Attributes:
        rank: Rank r of the update, at least 1.
        alpha: Scaling numerator: the update is multiplied by alpha / r.
        dropout: Dropout before the adapter while training, in [0, 1).
        target_modules: Names of the layers that get an adapter.
    """

    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target_modules: Annotated[tuple[str, ...], Field(min_length=1)]


def add_adapter(transformer: "SentenceTransformer", options: LoraOptions) -> None:
    """Freeze a model and give it a fresh adapter, its only trainable weights.

    Raises:
        AdapterError: The model has no layer of the given names.
    """
    from peft import LoraConfig

    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,  # type: ignore[arg-type]  # peft divides it; a fraction is fine
        lora_dropout=options.dropout,
        target_modules=list(options.target_modules),
        bias="none",
        task_type="FEATURE_EXTRACTION",
    )
    try:
        transformer.add_adapter(config)
    except ValueError as error:
        raise AdapterError(
            f"target_modules: found {list(options.target_modules)}, expected names of layers of "
            f"the base model: {str(error).splitlines()[0]}"
        ) from error


def save_adapter(transformer: "SentenceTransformer", folder: Path, base: ModelIdentity) -> None:
    """Save the adapter alone, with the base model's identity in place of its path.

    Args:
        transformer: A model with one adapter.
        folder: A folder that does not exist yet.
        base: Identity of the base model.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    model: Any = transformer.transformers_model
    model.peft_config["default"].save_pretrained(str(folder))
    path = folder / _CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": base.name, "revision": base.revision}
    config |= {"inference_mode": True, "target_modules": sorted(config["target_modules"])}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    # Without the last argument peft asks the hub whether the base model's vocabulary grew.
    state = get_peft_model_state_dict(model, adapter_name="default", save_embedding_layers=False)
    tensors = {f"base_model.model.{name}": tensor.contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})


def load_adapter(transformer: "SentenceTransformer", folder: Path) -> None:
    """Apply a saved adapter to its base model, in place.

    The library only warns when the saved keys do not fit, and the result is the base model or a
    random adapter; here it is an error.

    Raises:
        AdapterError: A weight of the adapter is missing, left over, or of another shape.
    """
    result: Any = transformer.load_adapter(str(folder))
    faults = {
        "missing": sorted(result.missing_keys),
        "left over": sorted(result.unexpected_keys),
        "of another shape": sorted(str(key) for key in result.mismatched_keys),
    }
    for fault, keys in faults.items():
        if keys:
            raise AdapterError(
                f"{folder}: found {len(keys)} adapter weights {fault} (such as {keys[0]}), "
                "expected the weights of every adapted layer and no others"
            )
    transformer.eval()


def check_adapter(
    transformer: "SentenceTransformer",
    trained: Vectors,
    pairs: Sequence[DatingPair],
    batch_size: int,
) -> AdapterCheck:
    """Prove that a saved adapter, reloaded, is the trained one and does something.

    Args:
        transformer: The model as it loads from disk.
        trained: Embeddings of the pairs by the trained model before it was saved, shape
            (n, 2, d).
        pairs: n pairs.
        batch_size: Texts a forward pass; the same as for `trained`.

    Returns:
        The largest absolute differences found.

    Raises:
        AdapterError: The reloaded model differs from the trained one, equals the base model, or
            differs from itself once the adapter is merged into the weights.
    """
    applied = embed_pairs(transformer, pairs, batch_size)
    transformer.disable_adapters()
    base = embed_pairs(transformer, pairs, batch_size)
    transformer.enable_adapters()
    with _merged(transformer):
        merged = embed_pairs(transformer, pairs, batch_size)
    check = AdapterCheck(
        reloaded_against_trained=_largest_difference(applied, trained),
        reloaded_against_base=_largest_difference(applied, base),
        merged_against_unmerged=_largest_difference(merged, applied),
    )
    if check.reloaded_against_trained > _SAME:
        raise AdapterError(
            "the saved adapter does not reproduce the trained model: embeddings differ by up to "
            f"{check.reloaded_against_trained:.2e}, expected at most {_SAME:.0e}"
        )
    if check.reloaded_against_base < _DIFFERENT:
        raise AdapterError(
            "the saved adapter changes nothing: embeddings differ from the base model's by at "
            f"most {check.reloaded_against_base:.2e}, expected at least {_DIFFERENT:.0e}. Look at "
            "the training log. If validation Spearman falls from the first step on, lower the "
            "learning rate; if it hardly moves, raise it; if it never changes, the validation "
            "pairs are too few, or the base model ranks them perfectly already"
        )
    if check.merged_against_unmerged > SAME_MERGED:
        raise AdapterError(
            "merging the adapter into the weights changes the model: embeddings differ by up to "
            f"{check.merged_against_unmerged:.2e}, expected at most {SAME_MERGED:.0e}"
        )
    return check


@contextmanager
def _merged(transformer: "SentenceTransformer") -> "Iterator[None]":
    """Merge the adapter into the weights for the time of a block."""
    layers = _adapted_layers(transformer)
    for layer in layers:
        layer.merge(safe_merge=True)
    try:
        yield
    finally:
        for layer in layers:
            layer.unmerge()


def _adapted_layers(transformer: "SentenceTransformer") -> "list[BaseTunerLayer]":
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in transformer.modules() if isinstance(module, BaseTunerLayer)]


def _largest_difference(left: Vectors, right: Vectors) -> float:
    return float(np.abs(left.astype(np.float64) - right.astype(np.float64)).max())
