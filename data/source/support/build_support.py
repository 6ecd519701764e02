"""Build the support questions from `questions.yml`: same questions, same bytes.

    python data/source/support/build_support.py    # writes data/01_raw/support_{train,eval}.csv

Two questions about one help article are duplicates. Articles of one family are easily taken for
each other: the second question about each and the first one about the next (after the last, the
first) are no duplicates. So every question stands in two pairs, one of each label, and no question
alone tells a label. `docs/support_card.md` says more.
"""

import argparse
import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from omegaconf import OmegaConf

SEED: Final = 8
HERE: Final = Path(__file__).parent
FIELDS: Final = ("question_a", "question_b", "is_duplicate", "topic", "article_a", "article_b")

Family = Mapping[str, Sequence[str]]
Row = tuple[str, str, int, str, str, str]


def family_pairs(topic: str, family: Family) -> Iterator[Row]:
    """Pair the questions about the articles of a family, each article with the next."""
    articles = list(family.items())
    following = articles[1:] + articles[:1]
    for (article, (first, second)), (other, (question, _)) in zip(articles, following, strict=True):
        yield first, second, 1, topic, article, article
        yield second, question, 0, topic, article, other


def shuffled(rows: Sequence[Row], chance: random.Random) -> Iterator[Row]:
    """Put the rows in random order, and the two questions of each."""
    for a, b, label, topic, article_a, article_b in chance.sample(rows, len(rows)):
        if chance.random() < 0.5:
            yield a, b, label, topic, article_a, article_b
        else:
            yield b, a, label, topic, article_b, article_a


def build(split: str) -> list[Row]:
    """Return the rows of a split, `train` or `eval`."""
    topics: Any = OmegaConf.to_container(OmegaConf.load(HERE / "questions.yml"))
    rows = [
        row
        for topic, families in topics.items()
        for family in families[split]
        for row in family_pairs(topic, family)
    ]
    return list(shuffled(rows, random.Random(SEED)))  # noqa: S311  # nothing here is secret


def main() -> None:
    """Write both files into a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--to", type=Path, default=HERE.parents[1] / "01_raw")
    folder: Path = parser.parse_args().to
    for split in ("train", "eval"):
        path = folder / f"support_{split}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([FIELDS, *build(split)])


if __name__ == "__main__":
    main()
