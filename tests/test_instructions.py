"""Instructions stand before both texts, by category alone, and survive in a manifest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.comparison.examples import origin
from tuneproof.instructions import (
    Instructions,
    describe_instructions,
    instruct,
    trained_instructions,
)
from tuneproof.manifest import Manifest
from tuneproof.pairs import DatingPair

FAMILY = "Family should outweigh hobbies."
INSTRUCTIONS = Instructions(by_category={"family": FAMILY, "none": None}, default="All counts.")


def pair(category: str = "family", label: int = 1, **changes: str) -> DatingPair:
    given = {"text_1": "boy: a b", "text_2": "girl: c", "subcategory": "s", "pair_type": "t"}
    return DatingPair.model_validate(
        {**given, "category": category, "label": label, "note": "kept", **changes}
    )


PAIRS = st.lists(
    st.builds(
        pair,
        category=st.sampled_from(["family", "none", "other"]),
        label=st.integers(0, 1),
        text_1=st.text(min_size=1),
        text_2=st.text(min_size=1),
    )
)


@pytest.mark.parametrize(
    ("category", "texts"),
    [
        ("family", (f"{FAMILY} boy: a b", f"{FAMILY} girl: c")),
        ("other", ("All counts. boy: a b", "All counts. girl: c")),
        ("none", ("boy: a b", "girl: c")),
    ],
)
def test_both_texts_get_the_sentence_of_their_category(
    category: str, texts: tuple[str, str]
) -> None:
    bare = pair(category)
    (found,) = instruct([bare], INSTRUCTIONS)
    assert found.texts == texts
    assert found == bare.model_copy(update={"text_1": texts[0], "text_2": texts[1]})
    assert bare.texts == ("boy: a b", "girl: c")  # the pair itself is left as it is


@given(PAIRS)
def test_the_label_decides_nothing_and_the_order_stays(pairs: list[DatingPair]) -> None:
    turned = [each.model_copy(update={"label": 1 - each.label}) for each in pairs]
    found, other = instruct(pairs, INSTRUCTIONS), instruct(turned, INSTRUCTIONS)
    assert [each.texts for each in found] == [each.texts for each in other]
    for bare, instructed in zip(pairs, found, strict=True):
        for text, read in zip(bare.texts, instructed.texts, strict=True):
            sentence = INSTRUCTIONS.of(bare.category)
            assert read == (text if sentence is None else f"{sentence} {text}")


@given(PAIRS)
def test_no_instructions_leave_the_pairs_as_they_are(pairs: list[DatingPair]) -> None:
    assert instruct(pairs, None) == pairs
    assert instruct(pairs, Instructions({}, default=None)) == pairs


@pytest.mark.parametrize("instructions", [None, INSTRUCTIONS, Instructions({}, default=None)])
def test_a_manifest_returns_what_it_was_given(instructions: Instructions | None) -> None:
    manifest = origin(parameters={"epochs": 1, **describe_instructions(instructions)})
    reloaded = Manifest.model_validate_json(manifest.model_dump_json())
    assert trained_instructions(reloaded) == instructions


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_sentence_is_refused(blank: str) -> None:
    with pytest.raises(ValidationError, match="by_category"):
        Instructions(by_category={"family": blank}, default=None)
    with pytest.raises(ValidationError, match="default"):
        Instructions(by_category={}, default=blank)
