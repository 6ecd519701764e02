"""Graded pairs of general language: they show what fine-tuning made a model forget."""

import reprlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from tuneproof.errors import InvalidPairsError
from tuneproof.pairs import RawLines, describe_problems

UNRELATED = 0.0

_EXPECTED = {"line": "a JSON object", "score": "a number from 0 to 5"}
_shown = reprlib.Repr()
_shown.maxstring = 80

Text = Annotated[str, Field(pattern=r"\S")]


class GeneralPair(BaseModel):
    """Two sentences and how alike their meanings are.

    The scale follows semantic textual similarity (Agirre et al., 2012, SemEval-2012 task 6);
    `docs/general_pairs.md` holds the rubric of the shipped pairs.

    Attributes:
        text_1: First sentence.
        text_2: Second sentence.
        score: 0 (unrelated) to 5 (same meaning).
        topic: Topic of the first sentence, such as `cooking`.

    Fields that the schema does not know are left out.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    text_1: Text
    text_2: Text
    score: Annotated[float, Field(ge=0, le=5)]
    topic: Text

    @property
    def texts(self) -> tuple[str, str]:
        """Both texts, in order."""
        return self.text_1, self.text_2


def parse_general_pairs(raw: RawLines) -> list[GeneralPair]:
    """Read JSON lines as graded pairs.

    Args:
        raw: The file's bytes; one JSON object a line, UTF-8 without byte-order mark.

    Returns:
        At least 2 pairs in file order, with at least two different scores (a rank correlation
        needs them) and at least one pair of score 0 (so does the cosine of unrelated sentences).

    Raises:
        InvalidPairsError: The first 20 problems, each with file, line, field, what was found and
            what was expected, and the number of all.

    Examples:
        >>> rain = b'{"text_1": "It rains.", "text_2": "Rain falls.", "score": 5, "topic": "rain"}'
        >>> snow = b'{"text_1": "It snows.", "text_2": "Pay me!", "score": 0, "topic": "snow"}'
        >>> raw = RawLines(source="pairs.jsonl", content=rain + bytes([10]) + snow)
        >>> [pair.score for pair in parse_general_pairs(raw)]
        [5.0, 0.0]
    """
    source = raw.source if raw.source.isprintable() else ascii(raw.source)[1:-1]
    pairs: list[GeneralPair] = []
    problems: list[str] = []
    lines = raw.content.removesuffix(b"\n").split(b"\n") if raw.content else []
    for number, line in enumerate(lines, start=1):
        try:
            pairs.append(GeneralPair.model_validate_json(line))
        except ValidationError as error:
            problems += [f"{source}:{number}: {_reason(entry)}" for entry in error.errors()]
    problems += [f"{source}: {problem}" for problem in _file_problems(pairs)]
    if problems:
        raise InvalidPairsError(
            describe_problems("general-language pairs", problems, len(problems))
        )
    return pairs


def _reason(entry: ErrorDetails) -> str:
    if entry["type"] == "json_invalid":
        # The parser sees one line at a time, so its line number would mislead.
        error = entry["ctx"]["error"].replace("line 1 ", "")
        return f"line: found broken JSON ({error}), expected one JSON object"
    field = ".".join(str(part) for part in entry["loc"]) or "line"
    found = "nothing" if entry["type"] == "missing" else _shown.repr(entry["input"])
    return f"{field}: found {found}, expected {_EXPECTED.get(field, 'a text that is not blank')}"


def _file_problems(pairs: Sequence[GeneralPair]) -> list[str]:
    if len(pairs) < 2:
        return [f"found {len(pairs)} valid pair(s), expected at least 2"]
    scores = {pair.score for pair in pairs}
    problems = []
    if len(scores) == 1:
        problems.append(
            f"score: found only {scores.pop()} in {len(pairs)} pairs, expected different scores"
        )
    if all(pair.score != UNRELATED for pair in pairs):
        problems.append(
            f"score: found no 0 in {len(pairs)} pairs, expected at least one unrelated pair"
        )
    return problems
