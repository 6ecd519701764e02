"""Models measured on constructed cosines, where the truth about them is known."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tests.audit.examples import PREPARE, audit_of, of_pairs
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.compare import compare
from tuneproof.comparison.differences import MeasuredModel
from tuneproof.comparison.records import AlarmOptions, ComparisonResult, EvaluationOptions
from tuneproof.encoding import PairEmbeddings
from tuneproof.general_pairs import GeneralPair
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement.frames import PAIR_SCORES, PROJECTION, with_origin
from tuneproof.measurement.measure import measure
from tuneproof.measurement.records import MeasureOptions
from tuneproof.metrics.calibration import calibrated_probabilities, fit_platt
from tuneproof.metrics.clusters import HdbscanOptions, UmapOptions
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.pairs import DatingPair, connected_groups, hash_pairs

Values = npt.NDArray[np.float64]

BOOTSTRAP = BootstrapOptions(rounds=200, seed=0)
MEASURE = MeasureOptions(
    batch_size=8,
    umap=UmapOptions(n_neighbors=5, min_dist=0.1, metric="cosine", random_state=0),
    hdbscan=HdbscanOptions(min_cluster_size=3, min_samples=2, cluster_selection_method="eom"),
    cluster_seeds=2,
    bootstrap=BOOTSTRAP,
    matched_recall=0.95,
    calibration_bins=5,
    swap_prefixes=("boy", "girl"),
)
ALARMS = AlarmOptions(
    unrelated_cosine_rise=0.1,
    general_spearman_loss=0.05,
    anisotropy_rise=0.2,
    effective_rank_share=0.5,
    prefix_change=0.05,
    probe_gap=0.05,
    mixture_shift=0.05,
)
GENERAL = [
    GeneralPair(text_1=f"g{row}", text_2=f"h{row}", score=float(row % 6), topic="t")
    for row in range(60)
]
GRADES = np.array([pair.score for pair in GENERAL])
KNOWS_LANGUAGE = GRADES / 6 + 0.1 * np.sin(np.arange(len(GRADES)))
N = 80
_HASH = "b" * 64


def options_with(worst_errors: int = 3, **criteria: str) -> EvaluationOptions:
    """Return the options with these success criteria."""
    return EvaluationOptions(
        success_criteria=criteria,
        bootstrap=BOOTSTRAP,
        worst_errors=worst_errors,
        alarms=ALARMS,
    )


def some_pairs(labels: Sequence[int] | None = None, **fields: Sequence[str]) -> list[DatingPair]:
    """Make pairs that share no text; labels alternate unless given."""
    known = [row % 2 for row in range(N)] if labels is None else list(labels)
    return [
        DatingPair(
            **{
                "text_1": f"boy: a{row}",
                "text_2": f"girl: b{row}",
                "label": label,
                "category": "c",
                "subcategory": "s",
                "pair_type": "t",
                **{name: values[row] for name, values in fields.items()},
            }
        )
        for row, label in enumerate(known)
    ]


def origin(name: str = "baseline", **changes: Any) -> Manifest:
    """Describe where figures come from."""
    return Manifest.model_validate(
        {
            "model_name": name,
            "base_model": ModelIdentity(name="m", revision=None, sha256="a" * 64),
            "pairs": {
                **dict.fromkeys(("train", "validation", "eval"), _HASH),
                "general": hash_pairs(GENERAL),
            },
            "parameters": {"near_duplicate_similarity": PREPARE.near_duplicate_similarity},
            "environment": Environment(python="3", libraries={}, git_commit=None),
            **changes,
        }
    )


def audited(training: Sequence[DatingPair], evaluation: Sequence[DatingPair]) -> DataQualityScore:
    """Audit some pairs and say that they are those of `origin`."""
    found = audit_of(training, some_pairs([0, 1]), evaluation)
    return of_pairs(found, **dict.fromkeys(found.manifest.pairs, _HASH))


@cache
def untelling() -> DataQualityScore:
    """Audit pairs whose labels no probe can tell."""
    pairs = some_pairs([0, 1] * 30)
    return audited(pairs[:30], pairs[30:])


def compared(
    baseline: MeasuredModel,
    *variants: MeasuredModel,
    quality: DataQualityScore | None = None,
    options: EvaluationOptions | None = None,
) -> ComparisonResult:
    """Compare models with each other, audited by `untelling` unless said otherwise."""
    return compare(
        baseline,
        variants,
        some_pairs([0, 1]),
        GENERAL,
        quality or untelling(),
        options or options_with(),
    )


def noisy(signal: float, seed: int, n: int = N) -> Values:
    """Draw cosines of pairs whose labels alternate, `signal` apart at a deviation of 0.15."""
    random = np.random.default_rng(seed)
    cosines = 0.5 + signal * (np.arange(n) % 2 - 0.5) + random.normal(0, 0.15, n)
    return np.clip(cosines, -1, 1)


def measured(
    model: str,
    cosines: Sequence[float] | Values,
    pairs: Sequence[DatingPair] | None = None,
    *,
    columns: Mapping[str, Any] | None = None,
    threshold: float = 0.5,
    clusters: Sequence[Sequence[int] | npt.NDArray[np.int64]] | None = None,
    vectors: npt.NDArray[np.float32] | None = None,
    general: Values = KNOWS_LANGUAGE,
    manifest: Manifest | None = None,
) -> MeasuredModel:
    """Measure a model that says these cosines of the eval pairs.

    Args:
        model: Its name.
        cosines: One for each eval pair.
        pairs: The eval pairs; by default pairs that share no text, their labels alternating.
        columns: Columns of the eval rows of the scores that are not to be the default ones.
        threshold: Where decisions are taken: the validation pairs lie 0.1 above and below it.
        clusters: For each seed the cluster of each pair, and of both its texts.
        vectors: Embeddings of the eval pairs.
        general: Cosines of the general-language pairs.
        manifest: The origin.
    """
    known = some_pairs([row % 2 for row in range(len(cosines))]) if pairs is None else pairs
    manifest = origin(model) if manifest is None else manifest
    n = len(known)
    if clusters is None:
        clusters = [np.arange(n) // 10] * MEASURE.cluster_seeds
    if vectors is None:
        vectors = np.random.default_rng(0).normal(size=(n, 2, 16)).astype(np.float32)
    validation = some_pairs([0, 1] * 10)
    lying = np.where(np.arange(20) % 2 == 1, threshold + 0.1, threshold - 0.1)
    scores: pd.DataFrame = pd.concat(
        [
            _rows("validation", validation, lying, {}),
            _rows("eval", known, np.asarray(cosines), columns or {}),
        ],
        ignore_index=True,
    )
    platt = fit_platt(lying, np.arange(20) % 2)
    assert platt is not None
    scores["probability"] = calibrated_probabilities(scores["cosine"].to_numpy(), platt)
    scores = with_origin(scores.astype(dict(PAIR_SCORES)), manifest)
    projection = with_origin(_projection(known, clusters), manifest)
    embedded = PairEmbeddings(vectors, manifest), PairEmbeddings(_at_cosines(general), manifest)
    metrics = measure(model, scores, projection, embedded[0], (embedded[1], GENERAL), MEASURE)
    return MeasuredModel(metrics, scores, projection)


def _rows(
    split: str, pairs: Sequence[DatingPair], cosines: Values, columns: Mapping[str, Any]
) -> pd.DataFrame:
    evaluated = split == "eval"
    frame = pd.DataFrame([pair.model_dump() for pair in pairs]).assign(
        split=split,
        row=range(len(pairs)),
        group=connected_groups(pairs),
        leak_level="none",
        shares_text=False,
        clean=True,
        unseen_subcategory=False,
        cosine=cosines,
        probability=np.nan,
        swapped_cosine=np.nan,
        nearest_train_row=0 if evaluated else -1,
        nearest_train_similarity=0.5 if evaluated else np.nan,
    )
    rows: pd.DataFrame = frame.assign(**columns)[list(PAIR_SCORES)]
    return rows


def _projection(
    pairs: Sequence[DatingPair], clusters: Sequence[Sequence[int] | npt.NDArray[np.int64]]
) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "points": points,
                "seed": seed,
                "row": range(len(pairs)),
                "x": np.asarray(of_seed) + 0.1 * np.cos(np.arange(len(pairs))),
                "y": np.sin(np.arange(len(pairs))),
                "cluster": of_seed,
                "label": [pair.label for pair in pairs],
            }
        )
        for points in ("text_1", "text_2", "pair")
        for seed, of_seed in enumerate(clusters)
    ]
    frame = pd.concat(parts, ignore_index=True).sort_values("seed", kind="stable")
    return frame.astype(dict(PROJECTION)).reset_index(drop=True)


def _at_cosines(cosines: Values) -> npt.NDArray[np.float32]:
    """Pairs of unit vectors in the plane at the given cosines."""
    ones, zeros = np.ones_like(cosines), np.zeros_like(cosines)
    first, second = (ones, zeros), (cosines, np.sqrt(1 - cosines**2))
    return np.stack([np.stack(first, 1), np.stack(second, 1)], axis=1).astype(np.float32)
