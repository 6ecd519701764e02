import json
import math
import random as standard_random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tuneproof.audit.dimension import Dimension, SubScore
from tuneproof.audit.score import AuditOptions, DataQualityScore, audit, count_split, summarise
from tuneproof.pairs import DatingPair, hash_pairs, split_by_group

from .examples import (
    OPTIONS,
    needs_published,
    pair,
    permute_labels,
    published,
    published_eval,
    shipped,
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


@settings(max_examples=60)
@given(WEIRD_PAIRS, WEIRD_PAIRS, st.integers(0, 5))
def test_any_pairs_can_be_audited(
    train: list[DatingPair], evaluation: list[DatingPair], n_rejected: int
) -> None:
    report = audit(train, [], evaluation, n_rejected, OPTIONS)
    assert 0 <= report.overall <= 100
    for name, sub in sub_scores(report).items():
        assert sub.detail, name
        assert sub.score is None or 0 <= sub.score <= 100
    assert DataQualityScore.model_validate_json(report.model_dump_json()) == report
    assert "nan" not in summarise(report).split()


@settings(max_examples=15)
@given(st.lists(WEIRD, min_size=60, max_size=60), st.randoms(use_true_random=False))
def test_pairs_enough_to_measure_everything_can_be_audited(
    texts: list[str], random: standard_random.Random
) -> None:
    pairs = [
        pair(f"boy: {text}", random.choice(texts), i % 2, str(i % 3))
        for i, text in enumerate(texts)
    ]
    report = audit(pairs, [], pairs, 0, OPTIONS)
    shuffled = random.sample(pairs, len(pairs))
    again = audit(shuffled, [], pairs, 0, OPTIONS)
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
    report = audit(pairs, [], pairs, 0, OPTIONS)
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
    report = audit(shipped(), [], [], 0, OPTIONS)
    scores = [dimension.score or 0 for dimension in report.dimensions]
    assert report.overall == pytest.approx(sum(scores) / 4)
    assert len(sub_scores(report)) == 16
    assert report.target_met


def test_the_target_is_met_at_equality() -> None:
    overall = audit([pair()], [], [], 0, OPTIONS).overall
    assert audit([pair()], [], [], 0, AuditOptions(target_overall=overall)).target_met
    above = AuditOptions(target_overall=overall + 0.01)
    assert not audit([pair()], [], [], 0, above).target_met


def test_train_and_validation_are_scored_together() -> None:
    pairs = shipped()
    whole = audit(pairs, [], [], 0, OPTIONS)
    parts = audit(pairs[:150], pairs[150:], [], 0, OPTIONS)
    assert parts.dimensions == whole.dimensions
    assert parts.counts["train"].n == 150
    assert parts.counts["validation"].n == 50
    assert parts.pairs == {
        "train": hash_pairs(pairs[:150]),
        "validation": hash_pairs(pairs[150:]),
        "eval": hash_pairs([]),
    }


def test_leakage_counts_validation_pairs() -> None:
    report = audit([pair("a", "b")], [pair("c", "d")], [pair("c", "d"), pair("d", "e")], 0, OPTIONS)
    assert report.leakage.in_train == 1
    assert report.leakage.sharing_a_text == 2


def test_the_eval_pairs_play_no_part_in_the_scores() -> None:
    alone = audit(shipped(), [], [], 0, OPTIONS)
    beside = audit(shipped(), [], [pair("...", "...", category="unknown")] * 90, 0, OPTIONS)
    assert beside.dimensions == alone.dimensions


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="found no train and no validation pair"):
        audit([], [], [pair()], 0, OPTIONS)


@pytest.mark.parametrize(
    "values",
    [{"target_overall": 101}, {"target_overall": -1}, {}, {"target_overall": 60, "goal": 1}],
)
def test_options_are_checked(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AuditOptions).validate_python(values)


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
    report = audit(train, [], [pair("girl: b", "boy: a a"), pair("girl: b", "boy: z")], 3, OPTIONS)
    warnings = "\n".join(report.warnings)
    assert "1 of 2 eval pairs stand in train" in warnings
    assert "2 of 2 eval pairs share a text with train; 0 are clean" in warnings
    assert "29 of 30 train rows are duplicates" in warnings
    assert "3 rows were rejected" in warnings
    assert "2 of 2 categories of the train pairs hold one label only: c0, c1" in warnings
    assert "the eval pairs hold one label only" in warnings
    assert "Duplicates scores 3.3" in warnings
    assert "eval rows are duplicates" not in warnings


def test_control_characters_of_a_name_do_not_reach_a_warning() -> None:
    pairs = [pair(category="evil\n\x1b[31m", label=1), pair(category="x", label=0)]
    report = audit(pairs, [], [], 0, OPTIONS)
    assert any(r"evil\n\x1b[31m" in warning for warning in report.warnings)
    assert "\x1b" not in summarise(report)


def test_the_summary_holds_every_score_count_and_warning() -> None:
    report = audit(shipped()[:150], shipped()[150:], shipped()[:10], 2, OPTIONS)
    summary = summarise(report)
    for dimension in report.dimensions:
        assert f"{dimension.name}: {dimension.score:.1f}" in summary
        for sub in dimension.sub_scores.values():
            assert f"{sub.name}: {sub.score:.1f} ({sub.detail})" in summary
    for warning in report.warnings:
        assert f"- {warning}" in summary
    assert "word for word in train: 10" in summary
    assert "rejected rows: 2" in summary


def test_the_summary_says_n_a_and_names_the_verdict() -> None:
    report = audit([pair()], [], [], 0, AuditOptions(target_overall=100))
    assert "Gender by label: n/a (" in summarise(report)
    assert "misses the target of 100" in summarise(report)


def test_the_report_is_plain_json() -> None:
    content = json.loads(audit(shipped(), [], [], 0, OPTIONS).model_dump_json())
    assert content["data_quality"]["sub_scores"]["duplicates"]["score"] == 100
    assert content["environment"]["libraries"]["scikit-learn"]


def test_random_labels_lower_data_quality() -> None:
    real = audit(shipped(), [], [], 0, OPTIONS)
    random = audit(permute_labels(shipped(), 0), [], [], 0, OPTIONS)
    assert (random.data_quality.score or 0) < (real.data_quality.score or 0) - 10
    assert any(warning.startswith("Consistency scores") for warning in random.warnings)


@needs_published
def test_the_published_pairs() -> None:
    train, validation = split_by_group(published(), 0.1, 42)
    report = audit(train, validation, published_eval(), 0, OPTIONS)
    leakage = report.leakage
    assert (leakage.in_train, leakage.sharing_a_text, leakage.clean) == (42, 190, 105)
    warnings = "\n".join(report.warnings)
    assert "91 of 1195 train rows are duplicates" in warnings
    assert "8 of 295 eval rows are duplicates" in warnings
    assert "5 of 15 categories of the eval pairs hold one label only" in warnings
    assert "7 of 9 pair types of the eval pairs hold one label only" in warnings
    assert "Vocabulary by label scores" in warnings
    assert report.target_met
    assert report.bias.score is not None
    assert report.bias.score < 60
