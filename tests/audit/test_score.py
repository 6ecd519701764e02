import json
import math
import random as standard_random
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tuneproof.audit.dimension import Dimension, SubScore
from tuneproof.audit.leakage import trace_leakage
from tuneproof.audit.score import AuditOptions, DataQualityScore, audit, count_split
from tuneproof.audit.summary import summarise
from tuneproof.pairs import DatingPair, hash_pairs, split_by_group

from .examples import (
    BASE_MODEL,
    OPTIONS,
    audit_of,
    count_letter_groups,
    embed_statements,
    needs_published,
    options_with,
    pair,
    permute_labels,
    published,
    published_eval,
    sample,
    sample_eval,
    shuffle_words,
)

WEIRD = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        [
            "boy: ",
            "girl:...",
            "!?",
            "\U0001f600\U0001f468\u200d\U0001f469",
            "\u6211\u559c\u6b22\u732b",
            "\u05d0\u05e0\u05d9 \u05d0\u05d5\u05d4\u05d1",
            "I",
            "[/x] <b>",
            "a\x00b",
            "word " * 300,
        ]
    ),
)
WEIRD_PAIRS = st.lists(
    st.builds(pair, WEIRD, WEIRD, st.integers(0, 1), WEIRD, WEIRD, WEIRD), min_size=1, max_size=40
)


def sub_scores(report: DataQualityScore) -> dict[str, SubScore]:
    return {
        name: sub for dimension in report.dimensions for name, sub in dimension.sub_scores.items()
    }


@settings(max_examples=40)
@given(WEIRD_PAIRS, WEIRD_PAIRS, st.integers(0, 5))
def test_any_pairs_can_be_audited(
    train: list[DatingPair], evaluation: list[DatingPair], n_rejected: int
) -> None:
    report = audit_of(train, [], evaluation, n_rejected)
    assert 0 <= report.overall <= 100
    for name, sub in sub_scores(report).items():
        assert sub.detail, name
        assert sub.score is None or 0 <= sub.score <= 100
    assert DataQualityScore.model_validate_json(report.model_dump_json()) == report
    assert "nan" not in summarise(report).split()


@settings(max_examples=10)
@given(st.lists(WEIRD, min_size=60, max_size=60), st.randoms(use_true_random=False))
def test_pairs_enough_to_measure_everything_can_be_audited(
    texts: list[str], random: standard_random.Random
) -> None:
    pairs = [
        pair(f"boy: {text}", random.choice(texts), i % 2, str(i % 3))
        for i, text in enumerate(texts)
    ]
    report = audit_of(pairs, [], pairs, 0)
    shuffled = random.sample(pairs, len(pairs))
    again = audit_of(shuffled, [], pairs, 0)
    for name, sub in sub_scores(report).items():
        assert sub_scores(again)[name].score == pytest.approx(sub.score, abs=1e-6), name


@pytest.mark.parametrize(
    "pairs",
    [
        [pair()],
        [pair(), pair(label=0)],
        [pair("a", "b", i % 2) for i in range(60)],
        [pair("same words here", "same words there", i % 2, str(i % 2)) for i in range(60)],
        [pair(f"boy: {i}", f"boy: {i}", 1) for i in range(60)],
        [pair("\U0001f600", "...", i % 2) for i in range(60)],
    ],
    ids=["one", "two", "conflict", "constant", "one label", "no words"],
)
def test_poor_pairs_can_be_audited(pairs: list[DatingPair]) -> None:
    report = audit_of(pairs, [], pairs, 0)
    assert math.isfinite(report.overall)
    assert any(sub.score is None for sub in sub_scores(report).values())


def test_what_does_not_apply_is_left_out_of_the_mean() -> None:
    dimension = Dimension.of(
        "x",
        a=SubScore.from_share("a", 0.5, "half"),
        b=SubScore.not_applicable("b", "no data"),
        c=SubScore.from_share("c", 1.0, "all"),
    )
    assert dimension.score == 75
    assert Dimension.of("x", b=SubScore.not_applicable("b", "no data")).score is None


def test_a_share_is_cut_to_0_and_1() -> None:
    assert SubScore.from_share("a", -0.3, "less").score == 0
    assert SubScore.from_share("a", 1 + 1e-12, "more").score == 100


def test_not_a_number_is_no_score() -> None:
    with pytest.raises(ValidationError):
        SubScore(name="a", score=math.nan, detail="nothing")


def test_overall_is_the_mean_of_the_dimensions() -> None:
    report = audit_of(sample(), [], [], 0)
    scores = [dimension.score or 0 for dimension in report.dimensions]
    assert report.overall == pytest.approx(sum(scores) / 4)
    assert len(sub_scores(report)) == 16
    assert report.target_met


def test_the_target_is_met_at_equality() -> None:
    overall = audit_of([pair()], [], [], 0).overall
    assert audit_of([pair()], [], [], 0, options_with(overall)).target_met
    above = options_with(overall + 0.01)
    assert not audit_of([pair()], [], [], 0, above).target_met


def test_train_and_validation_are_scored_together() -> None:
    pairs = sample()
    whole = audit_of(pairs, [], [], 0)
    parts = audit_of(pairs[:150], pairs[150:], [], 0)
    assert parts.dimensions == whole.dimensions
    assert parts.counts["train"].n == 150
    assert parts.counts["validation"].n == 50
    assert parts.manifest.pairs == {
        "train": hash_pairs(pairs[:150]),
        "validation": hash_pairs(pairs[150:]),
        "eval": hash_pairs([]),
    }


def test_leakage_counts_validation_pairs() -> None:
    report = audit_of([pair("a", "b")], [pair("c", "d")], [pair("c", "d"), pair("d", "e")], 0)
    assert report.leakage["eval"].in_train == 1
    assert report.leakage["eval"].sharing_a_text == 2
    assert report.leakage["validation"].pairs == 1


def test_the_leakage_gate_looks_at_the_share_that_is_not_clean() -> None:
    evaluation = [pair("a", "x"), pair("t", "u"), pair("v", "w"), pair("y", "z")]
    gate = next(g for g in audit_of([pair("a", "b")], [], evaluation).gates if g.name == "leakage")
    assert (gate.found, gate.passed) == (0.25, False)
    gate = next(g for g in audit_of([pair("a", "b")]).gates if g.name == "leakage")
    assert (gate.found, gate.passed) == (None, True)


def test_leakage_of_other_pairs_is_an_error() -> None:
    leakage = trace_leakage([pair()], [], [pair()], 0.8)
    vectors = count_letter_groups([pair()])
    with pytest.raises(ValueError, match="found leakage of 1 eval pairs, expected each of the 2"):
        audit([pair()], [], [pair()] * 2, leakage, vectors, 0, BASE_MODEL, OPTIONS)


def test_embeddings_of_other_pairs_are_an_error() -> None:
    leakage = trace_leakage([pair()], [pair()], [pair()], 0.8)
    vectors = count_letter_groups([pair()] * 3)
    with pytest.raises(ValueError, match="found embeddings of 3 pairs, expected one of each"):
        audit([pair()], [pair()], [pair()], leakage, vectors, 0, BASE_MODEL, OPTIONS)


def test_the_eval_pairs_play_no_part_in_the_scores() -> None:
    alone = audit_of(sample(), [], [], 0)
    beside = audit_of(sample(), [], [pair("...", "...", category="unknown")] * 90, 0)
    assert beside.dimensions == alone.dimensions


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="found no train and no validation pair"):
        audit_of([], [], [pair()], 0)


BOOTSTRAP_PARAMETERS = {"rounds": 200, "seed": 0}
GATE_PARAMETERS = {
    "overall": {"minimum": 60, "action": "warn"},
    "leakage": {"maximum": 0.1, "action": "fail"},
    "conflicts": {"maximum": 0, "action": "off"},
}
PARAMETERS = {
    "smallest_group": 10,
    "gates": GATE_PARAMETERS,
    "bootstrap": BOOTSTRAP_PARAMETERS,
}


def test_options_are_read_from_parameters() -> None:
    options = TypeAdapter(AuditOptions).validate_python(PARAMETERS)
    assert options.gates.leakage.action == "fail"
    assert options.bootstrap.rounds == BOOTSTRAP_PARAMETERS["rounds"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"goal": 1},
        {"smallest_group": -1},
        {"gates": {}},
        {"gates": {**GATE_PARAMETERS, "overall": {"minimum": 101, "action": "warn"}}},
        {"gates": {**GATE_PARAMETERS, "leakage": {"maximum": 2, "action": "warn"}}},
        {"gates": {**GATE_PARAMETERS, "conflicts": {"maximum": 0, "action": "stop"}}},
    ],
)
def test_options_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AuditOptions).validate_python({**PARAMETERS, **wrong})


def test_counts_of_a_split_by_hand() -> None:
    pairs = [
        pair("a", "b", 1, "x"),
        pair("a", "b", 0, "y"),
        pair("b", "a", 1, "x", pair_type="p"),
    ]
    counts = count_split(pairs)
    assert (counts.n, counts.compatible, counts.incompatible) == (3, 2, 1)
    assert counts.categories == {"x": 2, "y": 1}
    assert counts.pair_types == {"compatible": 2, "p": 1}
    assert (counts.distinct_texts, counts.duplicate_rows) == (2, 1)


def test_warnings_name_what_was_found() -> None:
    train = [pair("boy: a a", "girl: b", i % 2, f"c{i % 2}") for i in range(30)]
    report = audit_of(train, [], [pair("girl: b", "boy: a a"), pair("girl: b", "boy: z")], 3)
    warnings = "\n".join(report.warnings)
    assert "1 of 2 eval pairs stand in train" in warnings
    assert "2 of 2 eval pairs share a text with train; 0 do not" in warnings
    assert "29 of 30 train rows are duplicates" in warnings
    assert "3 rows were rejected" in warnings
    assert "2 of 2 categories of the train pairs hold one label only: c0, c1" in warnings
    assert "the eval pairs hold one label only" in warnings
    assert "Duplicates scores 3.3" in warnings
    assert "eval rows are duplicates" not in warnings


def test_control_characters_of_a_name_do_not_reach_a_warning() -> None:
    pairs = [pair(category="evil\n\x1b[31m", label=1), pair(category="x", label=0)]
    report = audit_of(pairs, [], [], 0)
    assert any(r"evil\n\x1b[31m" in warning for warning in report.warnings)
    assert "\x1b" not in summarise(report)


def test_the_summary_holds_every_score_count_and_warning() -> None:
    report = audit_of(sample()[:150], sample()[150:], sample()[:10], 2)
    summary = summarise(report)
    for dimension in report.dimensions:
        assert f"{dimension.name}: {dimension.score:.1f}" in summary
        for sub in dimension.sub_scores.values():
            assert f"{sub.name}: {sub.score:.1f} ({sub.detail})" in summary
    for warning in report.warnings:
        assert f"- {warning}" in summary
    assert "word for word in train: 10" in summary
    for probe in report.probes:
        assert probe.name in summary
    for gate in report.gates:
        assert gate.message in summary
    assert "rejected rows: 2" in summary


def test_the_summary_says_n_a_and_names_the_verdict() -> None:
    report = audit_of([pair()], [], [], 0, options_with(100))
    assert "Gender by label: n/a (" in summarise(report)
    assert "misses the target of 100" in summarise(report)


def test_the_report_is_plain_json() -> None:
    content = json.loads(audit_of(sample(), [], [], 0).model_dump_json())
    assert content["data_quality"]["sub_scores"]["duplicates"]["score"] == 100
    assert content["manifest"]["environment"]["libraries"]["scikit-learn"]


def test_random_labels_lower_data_quality() -> None:
    real = audit_of(sample(), [], [], 0)
    random = audit_of(permute_labels(sample(), 0), [], [], 0)
    assert (random.data_quality.score or 0) < (real.data_quality.score or 0) - 10
    assert any(warning.startswith("Consistency scores") for warning in random.warnings)


@needs_published
def test_the_published_pairs() -> None:
    train, validation = split_by_group(published(), 0.1, 42)
    report = audit_of(train, validation, published_eval(), embed=embed_statements)
    leakage = report.leakage["eval"]
    found = (leakage.in_train, leakage.sharing_a_text, leakage.without_shared_text)
    assert found == (42, 190, 105)
    assert [gate.passed for gate in report.gates] == [True, False, True]
    assert report.conflicts == []
    assert any("text_2 alone reaches AUC 0.948 [" in warning for warning in report.warnings)
    warnings = "\n".join(report.warnings)
    assert "91 of 1195 train rows are duplicates" in warnings
    assert "8 of 295 eval rows are duplicates" in warnings
    assert "5 of 15 categories of the eval pairs hold one label only" in warnings
    assert "7 of 9 pair types of the eval pairs hold one label only" in warnings
    assert "Vocabulary by label scores" in warnings
    assert report.target_met
    assert report.bias.score is not None
    assert report.bias.score < 60
    one_label = [(group.split, group.field) for group in report.one_label_groups]
    assert one_label.count(("eval", "category")) == 5
    assert one_label.count(("eval", "pair_type")) == 7
    assert report.linguistic_quality.sub_scores["coherence"].score == pytest.approx(72.5, abs=0.2)
    assert report.overall == pytest.approx(73.9, abs=0.1)


def scores_of(report: DataQualityScore) -> tuple[float, dict[str, float]]:
    return report.overall, {
        d.name: 101.0 if d.score is None else d.score for d in report.dimensions
    }


@cache
def audit_once(source: Callable[[], list[DatingPair]]) -> DataQualityScore:
    return audit_of(source())


@pytest.mark.parametrize(
    ("source", "seed"),
    [
        *((sample, seed) for seed in range(6)),
        *(pytest.param(published, seed, marks=needs_published) for seed in range(2)),
    ],
)
@pytest.mark.parametrize(
    ("fault", "dimension", "name"),
    [
        (permute_labels, "Data quality", "Consistency"),
        (shuffle_words, "Linguistic quality", "Naturalness"),
    ],
)
def test_worthless_data_scores_clearly_below_the_real_pairs_and_under_60(
    source: Callable[[], list[DatingPair]],
    seed: int,
    fault: Callable[[list[DatingPair], int], list[DatingPair]],
    dimension: str,
    name: str,
) -> None:
    real, real_dimensions = scores_of(audit_once(source))
    report = audit_of(fault(source(), seed))
    overall, dimensions = scores_of(report)
    assert real > 70
    assert overall < 40
    assert dimensions[dimension] < min(40, real_dimensions[dimension] - 20)
    assert report.held_down_by == [name]
    assert not report.target_met
    assert any(
        warning.startswith(f"{name} held the overall score down") for warning in report.warnings
    )


def test_nothing_holds_the_real_pairs_down() -> None:
    report = audit_of(sample())
    assert report.held_down_by == []
    assert report.overall == report.mean_of_dimensions


def test_labels_that_nothing_confirms_are_low_but_not_called_random() -> None:
    # Sound labels may look like this: one pair type, and words that never come again.
    pairs = [
        pair(f"boy: a{i} b{i} c{i}", f"girl: d{i} e{i} f{i}", i % 2, pair_type="hard")
        for i in range(60)
    ]
    report = audit_of(pairs)
    assert "Consistency" in report.held_down_by
    detail = report.data_quality.sub_scores["consistency"].detail
    assert "so do sound ones that only the meaning confirms" in detail


def test_conflicts_and_repeats_are_listed_with_rows_and_texts() -> None:
    train = [pair("a", "b", 1), pair("c", "d", 1), pair("b", "a", 1)]
    evaluation = [pair("d", "c", 0), pair("e", "f", 0)]
    report = audit_of(train[:2], train[2:], evaluation)
    assert [repeat.model_dump() for repeat in report.repeated_pairs] == [
        {
            "texts": ("a", "b"),
            "rows": [
                {"split": "train", "row": 0, "label": 1},
                {"split": "validation", "row": 0, "label": 1},
            ],
        }
    ]
    assert [conflict.model_dump() for conflict in report.conflicts] == [
        {
            "texts": ("c", "d"),
            "rows": [
                {"split": "train", "row": 1, "label": 1},
                {"split": "eval", "row": 0, "label": 0},
            ],
        }
    ]
    assert "1 pairs stand under both labels, in 2 rows; the first in train row 1, eval row 0" in (
        report.warnings
    )
    outcome = next(gate for gate in report.gates if gate.name == "conflicts")
    assert (outcome.found, outcome.passed) == (2, False)
    assert "  c | d: train row 1 (1), eval row 0 (0)" in summarise(report)


def test_one_label_and_small_groups_are_listed_with_their_labels() -> None:
    train = [pair(category="x", label=1)] * 3 + [pair(category="y", label=i % 2) for i in range(5)]
    report = audit_of(train)
    single = [g for g in report.one_label_groups if g.field == "category"]
    small = [g for g in report.small_groups if g.field == "category"]
    assert [(g.split, g.name, g.compatible, g.incompatible) for g in single] == [
        ("train", "x", 3, 0)
    ]
    assert [(g.split, g.name, g.compatible, g.incompatible) for g in small] == [
        ("train", "y", 2, 3)
    ]
    warnings = "\n".join(report.warnings)
    assert "1 of 2 categories of the train pairs hold fewer than 10 pairs of a label: y" in warnings


def test_the_order_of_the_pairs_changes_nothing_but_hashes_and_rows() -> None:
    def content(report: DataQualityScore) -> dict[str, object]:
        return report.model_dump(
            exclude={"manifest", "label_errors", "repeated_pairs", "conflicts"}
        )

    forth = audit_of(sample()[:150], sample()[150:], sample_eval())
    back = audit_of(sample()[:150][::-1], sample()[150:][::-1], sample_eval()[::-1])
    assert content(forth) == content(back)
