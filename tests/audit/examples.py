"""Pairs to audit, and faults to plant in them."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tuneproof.audit.gates import ConflictGate, GateOptions, LeakageGate, OverallGate
from tuneproof.audit.leakage import trace_leakage
from tuneproof.audit.score import AuditOptions, DataQualityScore, audit
from tuneproof.audit.text import statements
from tuneproof.base_model import load_base_model
from tuneproof.encoding import EmbeddingModel, Vectors, embed_texts
from tuneproof.manifest import ModelIdentity, mark_prepared
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.pairs import DatingPair, PrepareOptions, RawLines, parse_pairs

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data"
PUBLISHED = ROOT / ".." / "shared" / "published"
BOOTSTRAP = BootstrapOptions(rounds=200, seed=0)
BASE_MODEL = ModelIdentity(name="m", revision=None, sha256="a" * 64)


def options_with(minimum: float) -> AuditOptions:
    """Options whose overall gate asks for this score."""
    return AuditOptions(
        smallest_group=10,
        gates=GateOptions(
            overall=OverallGate(minimum, "warn"),
            leakage=LeakageGate(0.1, "warn"),
            conflicts=ConflictGate(0, "warn"),
        ),
        bootstrap=BOOTSTRAP,
    )


OPTIONS = options_with(60)
PREPARE = PrepareOptions(
    prefixes=("boy", "girl"),
    on_invalid="fail",
    validation_fraction=0.15,
    seed=3,
    near_duplicate_similarity=0.8,
)

needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published pairs are not here"
)


def pair(
    text_1: str = "boy: I like cats",
    text_2: str = "girl: I like dogs",
    label: int = 1,
    category: str = "lifestyle",
    subcategory: str = "pets",
    pair_type: str = "compatible",
) -> DatingPair:
    return DatingPair(
        text_1=text_1,
        text_2=text_2,
        label=label,
        category=category,
        subcategory=subcategory,
        pair_type=pair_type,
    )


@cache
def load(file: Path) -> tuple[DatingPair, ...]:
    return tuple(parse_pairs(RawLines(str(file), file.read_bytes()))[0])


def sample() -> list[DatingPair]:
    """200 hand-written pairs, enough for a test of the audit."""
    return list(load(SAMPLE / "dating_pairs.jsonl"))


def sample_eval() -> list[DatingPair]:
    """80 pairs of the same hand."""
    return list(load(SAMPLE / "eval_pairs.jsonl"))


def published() -> list[DatingPair]:
    return list(load(PUBLISHED / "dating_pairs.jsonl"))


def published_eval() -> list[DatingPair]:
    return list(load(PUBLISHED / "eval_pairs.jsonl"))


def shuffle_words(pairs: Sequence[DatingPair], seed: int) -> list[DatingPair]:
    """Put the words of each statement in random order."""
    generator = np.random.default_rng(seed)

    def shuffle(text: str) -> str:
        start, _, rest = text.partition(": ")
        words = rest.split()
        return f"{start}: " + " ".join(words[i] for i in generator.permutation(len(words)))

    return [
        pair.model_copy(update={"text_1": shuffle(pair.text_1), "text_2": shuffle(pair.text_2)})
        for pair in pairs
    ]


def permute_labels(pairs: Sequence[DatingPair], seed: int) -> list[DatingPair]:
    """Deal the labels out anew at random."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [
        pair.model_copy(update={"label": pairs[i].label})
        for pair, i in zip(pairs, order, strict=True)
    ]


@cache
def base_model() -> EmbeddingModel:
    """The real one, which an installed package carries."""
    return load_base_model("all-MiniLM-L6-v2", None, "cpu")


def embed_statements(pairs: Sequence[DatingPair]) -> Vectors:
    """What the base model makes of the statements of n pairs, shape (n, 2, 384)."""
    texts = statements(pairs)
    embeddings = _embed(tuple(sorted(set(texts))))
    return np.stack([embeddings[text] for text in texts]).reshape(len(pairs), 2, -1)


@cache
def _embed(texts: tuple[str, ...]) -> dict[str, Vectors]:
    vectors = embed_texts(base_model().transformer, texts, 64)
    return dict(zip(texts, vectors, strict=True))


def count_letter_groups(pairs: Sequence[DatingPair]) -> Vectors:
    """Stand in for embeddings where only their presence matters: no model, any text."""
    from sklearn.feature_extraction.text import HashingVectorizer

    count = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=256)
    counts = count.transform(statements(pairs)).toarray()
    # One dimension more, so that a text without letters has a direction too.
    vectors = np.column_stack([counts, np.full(len(counts), 0.1)])
    return vectors.astype(np.float32).reshape(len(pairs), 2, -1)


def of_pairs(report: DataQualityScore, **hashes: str) -> DataQualityScore:
    """Say of an audit that it is of pairs with these hashes, by split."""
    pairs = {**report.manifest.pairs, **hashes}
    manifest = report.manifest.model_copy(update={"pairs": pairs})
    return report.model_copy(update={"manifest": manifest})


def audit_of(
    train: Sequence[DatingPair],
    validation: Sequence[DatingPair] = (),
    evaluation: Sequence[DatingPair] = (),
    n_rejected: int = 0,
    options: AuditOptions = OPTIONS,
    embed: Callable[[Sequence[DatingPair]], Vectors] = count_letter_groups,
) -> DataQualityScore:
    """Trace the leakage and audit; `embed_statements` gives the coherence that a run gives."""
    leakage = mark_prepared(trace_leakage(train, validation, evaluation, 0.8), PREPARE)
    training = [*train, *validation]
    vectors = embed(training) if training else np.empty((0, 2, 1), np.float32)
    return audit(train, validation, evaluation, leakage, vectors, n_rejected, BASE_MODEL, options)
