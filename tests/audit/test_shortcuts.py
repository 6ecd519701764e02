import numpy as np
import pytest

from tuneproof.audit.shortcuts import ShortcutProbe, describe, probe_shortcuts
from tuneproof.metrics.uncertainty import Interval
from tuneproof.pairs import DatingPair

from .examples import BOOTSTRAP, needs_published, pair, permute_labels, published, published_eval

NAMES = [
    "text_1 alone",
    "text_2 alone",
    "bag of words",
    "category",
    "pair_type",
    "category with pair_type",
    "token overlap",
    "length",
]


def probes_of(training: list[DatingPair], evaluation: list[DatingPair]) -> dict[str, ShortcutProbe]:
    texts = {text for pair in training for text in pair.texts}
    shares = np.array([not texts.isdisjoint(p.texts) for p in evaluation], dtype=bool)
    found = probe_shortcuts(training, evaluation, shares, BOOTSTRAP)
    assert [probe.name for probe in found] == NAMES
    return {probe.name: probe for probe in found}


def random_pairs(n: int, seed: int) -> list[DatingPair]:
    """Pairs whose label depends on nothing."""
    random = np.random.default_rng(seed)

    def text() -> str:
        return " ".join(f"w{i}" for i in random.integers(0, 60, size=random.integers(3, 8)))

    return [
        pair(
            text(),
            text(),
            int(random.integers(0, 2)),
            category=f"c{random.integers(0, 3)}",
            pair_type=f"t{random.integers(0, 3)}",
        )
        for _ in range(n)
    ]


def plant(pairs: list[DatingPair], shortcut: str) -> list[DatingPair]:
    """Give the label away through one thing alone."""

    def give_away(p: DatingPair) -> DatingPair:
        unique = [f"{''.join(p.texts).replace(' ', '')}{i}" for i in range(6)]
        update = {
            "text_1 alone": {"text_1": f"{p.text_1} {'yes' if p.label else 'no'}"},
            "text_2 alone": {"text_2": f"{p.text_2} {'yes' if p.label else 'no'}"},
            "category": {"category": f"c{p.label}"},
            "pair_type": {"pair_type": f"t{p.label}"},
            "token overlap": {"text_2": p.text_1 if p.label else p.text_2},
            # Words that come once only, so that the words themselves tell nothing.
            "length": {"text_2": " ".join([p.text_2, *unique]) if p.label else p.text_2},
        }[shortcut]
        return p.model_copy(update=update)

    return [give_away(p) for p in pairs]


@pytest.mark.parametrize(
    ("shortcut", "finders"),
    [
        ("text_1 alone", {"text_1 alone", "bag of words", "token overlap"}),
        ("text_2 alone", {"text_2 alone", "bag of words", "token overlap"}),
        ("category", {"category", "category with pair_type"}),
        ("pair_type", {"pair_type", "category with pair_type"}),
        ("token overlap", {"token overlap", "length"}),
        ("length", {"length"}),
    ],
)
def test_a_planted_shortcut_is_found_by_its_probe_and_by_no_other(
    shortcut: str, finders: set[str]
) -> None:
    probes = probes_of(plant(random_pairs(400, 0), shortcut), plant(random_pairs(200, 1), shortcut))
    assert probes[shortcut].telling
    assert (probes[shortcut].auc or 0) > 0.9
    assert {name for name, probe in probes.items() if probe.telling} <= finders


@pytest.mark.parametrize("seed", range(3))
def test_nothing_tells_random_labels(seed: int) -> None:
    probes = probes_of(random_pairs(400, seed), random_pairs(200, 100 + seed))
    for probe in probes.values():
        assert not probe.telling
        assert probe.auc == pytest.approx(0.5, abs=0.15)


def test_an_auc_below_a_half_is_shown_and_not_flipped() -> None:
    training = plant(random_pairs(200, 0), "pair_type")
    reversed_ = [p.model_copy(update={"label": 1 - p.label}) for p in training]
    noise = permute_labels(reversed_, 0)[:40] + reversed_[40:]
    probe = probes_of(training, noise)["pair_type"]
    assert probe.auc is not None
    assert probe.auc < 0.3
    assert probe.fooled
    assert not probe.telling
    assert "what it learned holds in reverse" in describe(probe)


def test_the_pairs_without_shared_text_are_judged_apart() -> None:
    # Each text of the shared pairs is known by heart; the words of the others are new.
    training = random_pairs(100, 0)
    evaluation = training[:50] + [
        p.model_copy(update={"text_1": f"boy: {i}", "text_2": f"girl: {i}"})
        for i, p in enumerate(random_pairs(50, 1))
    ]
    probe = probes_of(training, evaluation)["bag of words"]
    assert (probe.n, probe.n_without_shared_text) == (100, 50)
    assert probe.auc_without_shared_text == 0.5
    assert probe.interval_without_shared_text is None
    assert probe.auc is not None
    assert probe.auc > 0.65


def test_the_interval_holds_the_auc_and_is_wider_for_fewer_pairs() -> None:
    probes = [probes_of(random_pairs(200, 0), random_pairs(n, 1)) for n in (60, 600)]
    widths = []
    for probe in (found["length"] for found in probes):
        assert probe.auc is not None
        assert probe.interval is not None
        assert probe.interval.low <= probe.auc <= probe.interval.high
        widths.append(probe.interval.high - probe.interval.low)
    assert widths[0] > 1.5 * widths[1]


def test_the_order_of_the_pairs_plays_no_part() -> None:
    training, evaluation = random_pairs(120, 0), random_pairs(60, 1)
    assert probes_of(training, evaluation) == probes_of(training[::-1], evaluation[::-1])


@pytest.mark.parametrize(
    ("training", "evaluation", "reason"),
    [
        ([pair(label=1)] * 30, random_pairs(60, 0), "train pairs: 30 compatible and 0 incomp"),
        (random_pairs(60, 0), [pair(label=1)] * 30, "eval pairs: 30 compatible and 0 incompat"),
        (random_pairs(60, 0), [], "no eval pairs"),
    ],
)
def test_what_cannot_be_measured_is_none_with_its_reason(
    training: list[DatingPair], evaluation: list[DatingPair], reason: str
) -> None:
    for probe in probes_of(training, evaluation).values():
        assert probe.auc is None
        assert probe.interval is None
        assert probe.reason is not None
        assert probe.reason.startswith(reason)
        assert f"{probe.name} not measured: {reason}" in describe(probe)


def test_texts_without_words_have_no_probe_of_words() -> None:
    pairs = [pair("...", "!", i % 2, category=str(i % 2)) for i in range(40)]
    probes = probes_of(pairs, pairs)
    assert probes["text_1 alone"].reason == "train pairs: no words"
    assert probes["category"].auc == 1.0
    assert probes["length"].auc == 0.5


def test_a_sentence_gives_the_figures() -> None:
    probe = ShortcutProbe(
        name="text_2 alone",
        sees="its words",
        auc=0.9476,
        interval=Interval(0.916, 0.971),
        n=295,
        reason=None,
        auc_without_shared_text=0.9,
        interval_without_shared_text=None,
        n_without_shared_text=105,
    )
    assert describe(probe) == (
        "text_2 alone reaches AUC 0.948 [0.916, 0.971]; 0.900 on the 105 eval pairs that share no "
        "text"
    )


@needs_published
def test_the_published_labels_are_told_by_shortcuts() -> None:
    probes = probes_of(published(), published_eval())
    expected = {
        "text_1 alone": 0.875,
        "text_2 alone": 0.948,
        "bag of words": 0.988,
        "pair_type": 0.997,
    }
    for name, auc in expected.items():
        assert probes[name].auc == pytest.approx(auc, abs=0.02), name
        assert probes[name].telling
        assert probes[name].n_without_shared_text == 105
    assert not probes["token overlap"].telling
