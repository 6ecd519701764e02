"""Can the label be told without reading the pair? What little suffices for how much?

Each probe sees a part of the pairs, is fitted on what training sees and judged on the eval pairs. A
probe near the model's own figure says that the figure proves little. For data sets whose labels one
side alone gives away see Gururangan et al. (2018), NAACL, and Poliak et al. (2018), *SEM.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from tuneproof.audit.association import label_classifier, too_few
from tuneproof.audit.repeats import identity
from tuneproof.audit.text import statement, word_overlap, words, words_and_neighbours
from tuneproof.metrics import Labels, Scores
from tuneproof.metrics.ranking import auc_roc
from tuneproof.metrics.uncertainty import BootstrapOptions, Interval, bootstrap_intervals
from tuneproof.pairs import DatingPair, connected_groups

TELLING: Final = 0.7
"""AUC from which a probe, or the words of a pair, tell the label acceptably well.

Source: Hosmer, Lemeshow and Sturdivant (2013), Applied Logistic Regression, section 5.2.4.
"""

Auc = Annotated[float, Field(ge=0, le=1)]


class ShortcutProbe(BaseModel):
    """How well a part of the pairs tells the label of the eval pairs.

    Attributes:
        name: What people call the probe.
        sees: What it sees of a pair.
        auc: Of its predictions on all eval pairs; 0.5 is chance, below it the probe was fooled:
            what it learned holds in reverse. None where it could not be fitted or judged.
        interval: Confidence interval of `auc`, by groups of pairs that share a text; None where
            groups are too few or resampling shows no variation.
        n: Number of eval pairs.
        reason: Why there is no `auc`; None if there is one.
        auc_without_shared_text: On the eval pairs that share no text with train or validation; None
            where `auc` is or where they are too few.
        interval_without_shared_text: Its confidence interval.
        n_without_shared_text: Number of those pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    sees: str
    auc: Auc | None
    interval: Interval | None
    n: NonNegativeInt
    reason: str | None
    auc_without_shared_text: Auc | None
    interval_without_shared_text: Interval | None
    n_without_shared_text: NonNegativeInt

    @property
    def telling(self) -> bool:
        """Whether it tells the label acceptably well, and surely better than chance."""
        return (
            self.auc is not None
            and self.auc >= TELLING
            and (self.interval is None or self.interval.low > 0.5)
        )

    @property
    def fooled(self) -> bool:
        """Whether what it learned surely holds in reverse on the eval pairs."""
        return self.interval is not None and self.interval.high < 0.5


def describe(probe: ShortcutProbe) -> str:
    """Say in one sentence how far the probe gets, without a full stop."""
    verb = "not measured:" if probe.auc is None else "reaches"
    return f"{probe.name} {verb} {evidence(probe)}"


def evidence(probe: ShortcutProbe) -> str:
    """Write the probe's figures, or the reason why there are none."""
    if probe.auc is None:
        return str(probe.reason)
    found = f"AUC {show_auc(probe.auc, probe.interval)}"
    if probe.fooled:
        found += " (below 0.5: what it learned holds in reverse)"
    if probe.auc_without_shared_text is None or probe.n_without_shared_text == probe.n:
        return found
    rest = show_auc(probe.auc_without_shared_text, probe.interval_without_shared_text)
    return f"{found}; {rest} on the {probe.n_without_shared_text} eval pairs that share no text"


def show_auc(auc: float | None, interval: Interval | None) -> str:
    """Write an AUC with its interval for people; 'n/a' where there is none."""
    if auc is None:
        return "n/a"
    return f"{auc:.3f}" + (f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else "")


class _Probe(NamedTuple):
    name: str
    sees: str
    kind: Literal["words", "names", "numbers"]
    features: Callable[[DatingPair], Sequence[str] | Sequence[float]]


def _words_by_side(pair: DatingPair) -> list[str]:
    return [
        f"{side} {word}"
        for side, text in enumerate(pair.texts, start=1)
        for word in words_and_neighbours(text)
    ]


def _lengths(pair: DatingPair) -> list[float]:
    first, second = (len(words(statement(text))) for text in pair.texts)
    return [first, second, abs(first - second)]


_PROBES: Final = (
    _Probe("text_1 alone", "its words", "words", lambda pair: words_and_neighbours(pair.text_1)),
    _Probe("text_2 alone", "its words", "words", lambda pair: words_and_neighbours(pair.text_2)),
    _Probe(
        "bag of words", "the words of both texts, each side for itself", "words", _words_by_side
    ),
    _Probe("category", "its name", "names", lambda pair: [pair.category]),
    _Probe("pair_type", "its name", "names", lambda pair: [pair.pair_type]),
    _Probe(
        "category with pair_type",
        "their names",
        "names",
        lambda pair: [f"category {pair.category}", f"pair_type {pair.pair_type}"],
    ),
    _Probe(
        "token overlap",
        "the share of words that both texts say",
        "numbers",
        lambda pair: [word_overlap(pair)],
    ),
    _Probe("length", "the number of words of both texts and their difference", "numbers", _lengths),
)


def probe_shortcuts(
    training: Sequence[DatingPair],
    evaluation: Sequence[DatingPair],
    shares_text: npt.NDArray[np.bool_],
    options: BootstrapOptions,
) -> list[ShortcutProbe]:
    """Fit each probe on the pairs that are trained on and judge it on the eval pairs.

    Words: TF-IDF of words and of two words side by side, prefixes included, as the model reads
    them. Names: one-hot. Numbers: standardised. All with logistic regression (`label_classifier`).
    The order of the pairs plays no part.

    Args:
        training: Train and validation pairs, repeated rows as often as they stand there.
        evaluation: n eval pairs.
        shares_text: Whether the eval pair shares a text with a training pair, shape (n,).
        options: Of the intervals.

    Returns:
        One result for each probe, always in the same order.
    """
    order = sorted(
        range(len(evaluation)),
        key=lambda row: (identity(evaluation[row]), _content(evaluation[row])),
    )
    judged = [evaluation[row] for row in order]
    unshared = ~shares_text[order]
    labels = np.array([pair.label for pair in judged], dtype=np.int64)
    groups = connected_groups(judged) if judged else labels

    def judge(probe: _Probe) -> ShortcutProbe:
        scores = _predict(probe, training, judged)
        every = _judge(scores, labels, groups, options)
        rest = (
            _judge(scores[unshared], labels[unshared], groups[unshared], options)
            if isinstance(scores, np.ndarray)
            else None
        )
        return ShortcutProbe(
            name=probe.name,
            sees=probe.sees,
            auc=every.auc,
            interval=every.interval,
            n=len(judged),
            reason=every.reason,
            auc_without_shared_text=rest.auc if rest else None,
            interval_without_shared_text=rest.interval if rest else None,
            n_without_shared_text=int(unshared.sum()),
        )

    return [judge(probe) for probe in _PROBES]


class _Judgement(NamedTuple):
    auc: float | None
    interval: Interval | None
    reason: str | None


def _judge(
    scores: Scores | str, labels: Labels, groups: Labels, options: BootstrapOptions
) -> _Judgement:
    """Measure the AUC with its interval, or say why there is none."""
    if isinstance(scores, str):
        return _Judgement(None, None, scores)
    if reason := too_few(labels.tolist()):
        return _Judgement(None, None, f"eval pairs: {reason}")
    intervals = bootstrap_intervals(scores, labels, groups, options)
    return _Judgement(auc_roc(scores, labels), intervals["auc_roc"], None)


def _predict(
    probe: _Probe, training: Sequence[DatingPair], judged: Sequence[DatingPair]
) -> Scores | str:
    """Return the fitted probe's score of each pair, shape (n,), or why it cannot be fitted."""
    # Sorted, since the solver's last digits depend on the order of the rows.
    rows = sorted((tuple(probe.features(pair)), pair.label) for pair in training)
    labels = [label for _, label in rows]
    if reason := too_few(labels):
        return f"train pairs: {reason}"
    if not any(features for features, _ in rows):
        return "train pairs: no words"
    if not judged:
        return "no eval pairs"
    model = _model(probe.kind)
    model.fit([features for features, _ in rows], labels)
    decisions = model.decision_function([tuple(probe.features(pair)) for pair in judged])
    return np.asarray(decisions, dtype=np.float64)


def _model(kind: Literal["words", "names", "numbers"]) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    encoders = {
        "words": TfidfVectorizer(analyzer=list),
        "names": CountVectorizer(analyzer=list),
        "numbers": StandardScaler(),
    }
    return make_pipeline(encoders[kind], label_classifier())


def _content(pair: DatingPair) -> tuple[object, ...]:
    return pair.text_1, pair.label, pair.category, pair.pair_type
