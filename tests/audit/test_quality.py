import numpy as np
import pytest

from tuneproof.audit.quality import (
    completeness,
    consistency,
    count_duplicate_rows,
    data_quality,
    duplicates,
    text_format,
)
from tuneproof.pairs import DatingPair

from .examples import (
    needs_published,
    pair,
    permute_labels,
    published,
    published_eval,
    sample,
)


def test_complete_pairs_score_100() -> None:
    assert completeness([pair(), pair()], n_rejected=0).score == 100


def test_completeness_by_hand() -> None:
    pairs = [
        pair(category="Unknown", subcategory=" n/a "),
        pair(text_1="boy: ...", pair_type="none"),
        pair(text_1="boy: \U0001f600", category="42"),
    ]
    found = completeness(pairs, n_rejected=1)
    assert found.score == pytest.approx(100 * (1 - (4 + 6) / 24))
    assert found.detail == "4 empty fields in 3 pairs, 1 rejected rows"


def test_conflicting_labels_lower_consistency_in_either_order() -> None:
    pairs = [pair("a", "b", 1), pair("b", "a", 0), pair("c", "d", 1), pair("e", "f", 0)]
    found = consistency(pairs)
    assert found.score == 50
    assert found.detail.startswith("2 rows in label conflicts; not held against")


def typed_pairs(wrong: int) -> list[DatingPair]:
    """100 pairs of two pair types that name the label, some of them wrongly."""
    return [
        pair(f"boy: {i}", f"girl: {i}", int((i % 2 == 0) != (i < wrong)), pair_type=f"t{i % 2}")
        for i in range(100)
    ]


def test_consistency_falls_with_the_number_of_wrong_labels() -> None:
    scores = [consistency(typed_pairs(wrong)).score for wrong in (0, 10, 30, 50)]
    assert scores[0] == pytest.approx(100)
    # 10 wrong: V^2 = (0.8^2 - 1 / 99) / (1 - 1 / 99)
    assert scores[1] == pytest.approx(100 * (0.64 - 1 / 99) / (98 / 99))
    assert scores[2] == pytest.approx(100 * (0.16 - 1 / 99) / (98 / 99))
    assert scores[3] == pytest.approx(0, abs=20)


def test_conflicts_weigh_on_labels_that_follow_from_the_pair_type() -> None:
    clean = typed_pairs(wrong=0)
    conflicting = [p.model_copy(update={"label": 1 - p.label}) for p in clean[:25]]
    flipped = [
        p.model_copy(update={"pair_type": f"t{1 - int(p.pair_type[1])}"}) for p in conflicting
    ]
    found = consistency([*clean, *flipped])
    assert found.score == pytest.approx(100 * (1 - 50 / 125))


def test_words_speak_for_labels_where_the_pair_type_does_not() -> None:
    pairs = [
        pair(f"boy: tea {i}", f"girl: {'tea' if i % 2 else 'coffee'} {i}", i % 2) for i in range(60)
    ]
    found = consistency(pairs)
    assert found.score is not None
    assert found.score > 90
    assert "words" in found.detail


@pytest.mark.parametrize("seed", range(5))
def test_random_labels_are_inconsistent(seed: int) -> None:
    real, random = consistency(sample()), consistency(permute_labels(sample(), seed))
    assert real.score is not None
    assert random.score is not None
    assert real.score > 85
    assert random.score < 40


@needs_published
def test_random_labels_of_the_published_pairs_are_inconsistent() -> None:
    real, random = consistency(published()), consistency(permute_labels(published(), 0))
    assert real.score is not None
    assert random.score is not None
    assert real.score > 80
    assert random.score < 20


def test_the_overlap_of_the_words_speaks_for_labels_in_either_direction() -> None:
    # Words that come in one pair only: nothing but their overlap tells the label.
    for same in (0, 1):
        pairs = [
            pair(f"a{i} b{i}", f"a{i} c{i}" if i % 2 == same else f"d{i} e{i}", i % 2)
            for i in range(60)
        ]
        found = consistency(pairs)
        assert found.score == pytest.approx(100)
        assert "follow from the overlap of the words" in found.detail


@pytest.mark.parametrize("direction", [1, -1])
def test_the_base_models_cosines_speak_for_labels_that_meaning_alone_confirms(
    direction: int,
) -> None:
    pairs = [pair(f"a{i} b{i}", f"d{i} e{i}", i % 2) for i in range(60)]
    apart = direction * np.array([0.4 * (i % 2) + 0.001 * i for i in range(60)])
    assert consistency(pairs).score == pytest.approx(0, abs=1)
    found = consistency(pairs, apart)
    assert found.score == pytest.approx(100)
    assert "follow from the base model's cosines" in found.detail
    shuffled = np.random.default_rng(0).permutation(apart)
    assert (consistency(pairs, shuffled).score or 0) < 30


@pytest.mark.parametrize("n", [40, 200, 600])
def test_chance_is_taken_off_whatever_the_number_of_pairs(n: int) -> None:
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    scores = [
        consistency(
            [
                pair(" ".join(random.choice(words, 4)), " ".join(random.choice(words, 4)), i % 2)
                for i in range(n)
            ]
        ).score
        for _ in range(6)
    ]
    assert max(score or 0 for score in scores) < 30


def test_one_label_is_not_held_against_anything() -> None:
    found = consistency([pair(f"boy: {i}", label=1) for i in range(30)])
    assert found.score == 100
    assert "30 compatible and 0 incompatible" in found.detail


def test_duplicates_count_either_order() -> None:
    pairs = [pair("a", "b"), pair("b", "a"), pair("a", "b", 0), pair("c", "d")]
    assert duplicates(pairs).score == 50
    assert count_duplicate_rows(pairs) == 1


@needs_published
def test_the_published_pairs_hold_duplicates() -> None:
    assert count_duplicate_rows(published()) == 91
    assert count_duplicate_rows(published_eval()) == 8
    assert duplicates(published()).score == pytest.approx(100 * (1 - 91 / 1195))
    assert consistency(published()).detail.startswith("0 rows in label conflicts")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("boy: I\x07 like cats", "control characters"),
        ("boy: caf\u00c3\u00a9", "broken encoding"),
        ("boy: caf\ufffd", "broken encoding"),
        ("boy: I <b>like</b> cats", "HTML"),
        ("boy: cats &amp; dogs", "HTML"),
        ("boy: I i like cats", "doubled words"),
        ("boy: I  like cats", "stray spaces"),
        ("boy: I like cats ", "stray spaces"),
        ("I like cats", "no prefix"),
    ],
)
def test_each_flaw_of_form_is_named(text: str, flaw: str) -> None:
    found = text_format([pair(text), pair()])
    assert found.score == 75
    assert found.detail == f"1 of 4 texts with a flaw ({flaw} 1)"


@pytest.mark.parametrize(
    "text",
    [
        "boy: I <3 cats, 2 < 3",
        "boy: S\u00c3O PAULO \u00c2 \u00e2ge",
        "boy: first line\nsecond line",
        "boy: \u2764\ufe0f\u200d\U0001f525",
        "boy: the theme is isolated",
    ],
)
def test_sound_texts_have_no_flaw(text: str) -> None:
    assert text_format([pair(text)]).score == 100


def test_a_flawed_text_counts_once() -> None:
    found = text_format([pair("boy:  <b>I I</b>  ")])
    assert found.score == 50


def test_texts_need_no_prefix_where_most_have_none() -> None:
    assert text_format([pair("I like cats", "me too"), pair("boy: hi", "you")]).score == 100


def test_data_quality_is_the_mean_of_its_four_scores() -> None:
    dimension = data_quality(sample(), n_rejected=10, cosines=np.zeros(len(sample())))
    assert list(dimension.sub_scores) == ["completeness", "consistency", "duplicates", "format"]
    scores = [sub.score for sub in dimension.sub_scores.values()]
    assert all(score is not None for score in scores)
    assert dimension.score == pytest.approx(np.mean([score or 0 for score in scores]))
