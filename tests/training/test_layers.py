"""Which layers train, and where a model drops."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import BoW
from transformers import BertConfig, BertModel, ModernBertConfig, ModernBertModel, PreTrainedModel

from tests.training.test_engine import base
from tuneproof.training.layers import (
    eager_attention,
    freeze,
    layer_names,
    set_dropout,
    weights_of,
)

SMALL: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}


def bert(dropout: float) -> PreTrainedModel:
    config = BertConfig(**SMALL, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    return BertModel(config)


def modern_bert(dropout: float) -> PreTrainedModel:
    """A model that keeps the dropout of attention as a number, and no other is left in it."""
    special: dict[str, Any] = dict.fromkeys(
        ("bos_token_id", "cls_token_id", "eos_token_id", "sep_token_id"), 1
    )
    config = ModernBertConfig(
        **SMALL, **special, attention_dropout=dropout, mlp_dropout=0.0, embedding_dropout=0.0
    )
    network = ModernBertModel(config)
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Dropout):
                setattr(module, name, torch.nn.Identity())
    return network


def repeats_itself(network: PreTrainedModel) -> bool:
    """Whether two passes in training mode are equal, as they are if nothing is dropped."""
    tokens = torch.arange(1, 11)[None]
    network.train()
    first, second = (network(input_ids=tokens).last_hidden_state for _ in range(2))
    return bool((first == second).all())


@pytest.mark.parametrize("build", [bert, modern_bert])
def test_dropout_is_set_wherever_a_model_keeps_it(
    build: Callable[[float], PreTrainedModel],
) -> None:
    for before, after in ((0.5, 0.0), (0.0, 0.5)):
        network = build(before)
        assert repeats_itself(network) is (before == 0)
        set_dropout(network, after)
        assert repeats_itself(network) is (after == 0)


def test_a_dropout_that_drops_nothing_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        set_dropout(torch.nn.Linear(2, 2), 0.0)
        set_dropout(bert(0.0), 0.3)
        assert not caplog.records
        set_dropout(torch.nn.Linear(2, 2), 0.3)
    assert "no place for it; 0.3 drops nothing" in caplog.text


def test_layers_are_named_by_whole_parts(tiny_model_folder: Path) -> None:
    transformer = base(tiny_model_folder).transformer
    names = layer_names(transformer)
    assert {"embeddings", "encoder", "query", "pooler"} <= set(names)
    assert all(weights_of(transformer, name) for name in names)
    assert weights_of(transformer, "encoder.layer.0")
    assert not weights_of(transformer, "embedding")
    freeze(transformer, ["encoder.layer.0"])
    for name, weight in transformer.named_parameters():
        assert weight.requires_grad is (".encoder.layer.0." not in name)


def test_attention_is_plain_for_a_while_only(tiny_model_folder: Path) -> None:
    transformer = base(tiny_model_folder).transformer
    network = transformer.transformers_model
    assert network is not None
    texts = ["boy: i like tea", "girl: i like long walks"]
    before, fused = network.config._attn_implementation, transformer.encode(texts)
    with eager_attention(transformer):
        assert network.config._attn_implementation == "eager"
        np.testing.assert_allclose(transformer.encode(texts), fused, atol=1e-6)
    assert network.config._attn_implementation == before != "eager"


def test_a_model_without_attention_is_left_alone() -> None:
    with eager_attention(SentenceTransformer(modules=[BoW(["tea"])], device="cpu")):
        pass
