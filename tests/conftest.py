"""What several test modules need: a real sentence-embedding model, small enough to build here."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples everywhere, and no verdict on how fast the machine is.
# To look for new ones: pytest --hypothesis-profile=search
settings.register_profile(
    "repeatable",
    deadline=None,
    max_examples=50,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search",
    deadline=None,
    max_examples=3_000,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

WORDS = """
[PAD] [UNK] [CLS] [SEP] [MASK] boy girl : i like love hate enjoy and but cats dogs tea coffee
running reading cooking museums smoking music hiking children ##s ##ing a b c d e f g
"""


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved BERT of 2 layers and 32 dimensions with seeded random weights, mean and normalised.

    Session-wide: copy the folder before changing a file in it.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    root = tmp_path_factory.mktemp("tiny")
    bert, folder = root / "bert", root / "tiny-model"
    vocabulary = {word: number for number, word in enumerate(WORDS.split())}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = BertModel(config)
    network.save_pretrained(bert)
    BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(bert)
    transformer = SentenceTransformer(
        modules=[Transformer(str(bert)), Pooling(32, "mean"), Normalize()], device="cpu"
    )
    transformer.save(str(folder), create_model_card=False)
    return folder
