"""Instructions: a sentence before both texts of a pair that says what matters in its category."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass

from tuneproof.manifest import Manifest, describe_options
from tuneproof.pairs import DatingPair

_PARAMETER = "instructions"

Sentence = Annotated[str, Field(pattern=r"\S")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Instructions:
    """What a model reads before the texts of each category.

    Attributes:
        by_category: The sentence of each category; null leaves the category's texts bare.
        default: The sentence of categories that are not named; None leaves their texts bare.
    """

    by_category: dict[str, Sentence | None]
    default: Sentence | None

    def of(self, category: str) -> str | None:
        """Return the sentence of a category, or None."""
        return self.by_category.get(category, self.default)


def instruct(pairs: Sequence[DatingPair], instructions: Instructions | None) -> list[DatingPair]:
    """Put the instruction of its category before both texts of each pair.

    Nothing but the category decides: the label is never looked at. What a category tells of its
    labels the instruction tells too.

    The instruction of one task before both texts: Su et al. (2023), One Embedder, Any Task:
    Instruction-Finetuned Text Embeddings, Findings of ACL.

    Args:
        pairs: n pairs.
        instructions: The sentences; None returns the pairs as they are.

    Returns:
        n pairs in the same order, texts of the form `<instruction> <text>`.
    """
    if instructions is None:
        return list(pairs)
    return [_instructed(pair, instructions.of(pair.category)) for pair in pairs]


def describe_instructions(instructions: Instructions | None) -> dict[str, JsonValue]:
    """Return what a manifest's parameters say of instructions: nothing where there are none."""
    return {} if instructions is None else {_PARAMETER: describe_options(instructions)}


def trained_instructions(manifest: Manifest) -> Instructions | None:
    """Return the instructions that a model was trained with; None for a model of bare texts.

    Raises:
        ValidationError: The manifest records something else under that name.
    """
    recorded = manifest.parameters.get(_PARAMETER)
    return None if recorded is None else TypeAdapter(Instructions).validate_python(recorded)


def _instructed(pair: DatingPair, instruction: str | None) -> DatingPair:
    if instruction is None:
        return pair
    return pair.model_copy(
        update={
            "text_1": f"{instruction} {pair.text_1}",
            "text_2": f"{instruction} {pair.text_2}",
        }
    )
