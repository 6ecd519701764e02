"""Build the shipped pairs from the statements beside this file: same seed, same bytes.

    python data/source/build.py    # writes data/01_raw/{dating,eval}_pairs.jsonl and their counts

The statements (`statements/*.yml`) were written one by one; the rules below pair them. A text alone
must not give the label away, so every statement meets partners of both labels where its topic
allows, and none stands in more than four pairs. `docs/data_card.md` says what the pair types mean.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final, Literal

from omegaconf import OmegaConf

Split = Literal["train", "eval"]
Label = Literal[0, 1]

SEED: Final = 2026
NAMES: Final[Mapping[Split, str]] = {"train": "dating_pairs", "eval": "eval_pairs"}
MOST_USES: Final = 4
LENGTH_COST: Final = 5.0
TOPIC_COST: Final = 3.0
"""What a word, and an earlier pair on the same topic, costs in uses of a statement: short
statements stand more often than long ones, and no topic much more often than another."""

HERE: Final = Path(__file__).parent

QUOTAS: Final[Mapping[Split, Mapping[tuple[str, Label], int]]] = {
    "train": {
        ("compatible", 1): 240,
        ("subtle_mismatch", 1): 188,
        ("subtle_mismatch", 0): 42,
        ("dealbreaker", 0): 180,
        ("incompatible", 0): 180,
        ("llm_judged_compatible", 1): 134,
        ("llm_judged_incompatible", 0): 106,
        ("complex_compatible", 1): 63,
        ("complex_incompatible", 0): 57,
    },
    "eval": {
        ("compatible", 1): 60,
        ("subtle_mismatch", 1): 45,
        ("subtle_mismatch", 0): 5,
        ("dealbreaker", 0): 45,
        ("incompatible", 0): 45,
        ("llm_judged_compatible", 1): 32,
        ("llm_judged_incompatible", 0): 28,
        ("complex_compatible", 1): 18,
        ("complex_incompatible", 0): 12,
    },
}
"""Pairs of each type and label; five hand-made `curated_realistic` pairs join each split."""

# Compound categories that name the lighter trait first for every other couple of topics.
_TURNED: Final = {
    "values_and_lifestyle": "lifestyle_and_values",
    "values_and_interests": "interests_and_values",
    "lifestyle_and_interests": "interests_and_lifestyle",
    "values_and_dealbreakers": "dealbreakers_and_values",
}


@dataclass(frozen=True)
class Pair:
    """Two texts, prefixes included, and what is known of them."""

    texts: tuple[str, str]
    label: Label
    category: str
    subcategory: str
    pair_type: str


def read(name: str) -> list[dict[str, Any]]:
    """Read one file of statements."""
    content = OmegaConf.to_container(OmegaConf.load(HERE / "statements" / f"{name}.yml"))
    assert isinstance(content, list)
    return content


def say(statements: Sequence[str], speakers: str) -> list[str]:
    """Give each statement its speaker and a full stop where it has no other end.

    One text has one prefix wherever it stands, so that no text is split over train and validation.

    Args:
        statements: At most as many as speakers.
        speakers: `b` or `g` for each: `bg` makes the first statement a boy's, the second a girl's.
    """
    if len(statements) > len(speakers):
        raise ValueError(f"found {len(statements)} statements, expected {len(speakers)} at most")
    names = {"b": "boy", "g": "girl"}
    return [
        f"{names[by]}: {said}{'.' if said[-1].isalnum() else ''}"
        for by, said in zip(speakers, statements, strict=False)
    ]


def turn(speakers: Mapping[str, str], number: int) -> dict[str, str]:
    """Exchange the speakers of every other topic: no side belongs to one of the two."""
    swap = str.maketrans("bg", "gb") if number % 2 else {}
    return {side: who.translate(swap) for side, who in speakers.items()}


def apart(texts: tuple[str, str]) -> bool:
    """Say whether two texts have different speakers."""
    return texts[0].split(":")[0] != texts[1].split(":")[0]


def pairs_of_topics(split: Split) -> Iterator[Pair]:
    """Pair the statements of each topic: like sides agree, opposite ones clash.

    `some` differs from `for` in degree alone; that matters in firm topics and in no other.
    """
    speakers = {"for": "bgbg", "against": "gbgb", "some": "gbg"}
    for name in ("lifestyle", "interests", "values"):
        for number, topic in enumerate(read(name)):
            if split not in topic:
                continue
            voices = turn(speakers, number)
            sides = {side: say(said, voices[side]) for side, said in topic[split].items()}
            about = topic["category"], topic["topic"]
            for side in ("for", "against"):
                for texts in combinations(sides[side], 2):
                    yield Pair(texts, 1, *about, "compatible")
            for texts in product(sides["for"], sides["against"]):
                yield Pair(texts, 0, *about, "incompatible")
            for texts in product(sides["for"], sides["some"]):
                yield Pair(texts, 0 if topic["firm"] else 1, *about, "subtle_mismatch")


def pairs_of_habits(split: Split) -> Iterator[Pair]:
    """Pair the statements on habits: who refuses one clashes with who has it, and with no other."""
    # Three against one: refusing meets having more often than two against two would allow.
    speakers = {"does": "bgbb", "refuses": "gbgg", "without": "bgb"}
    for number, topic in enumerate(read("dealbreakers")):
        if split not in topic:
            continue
        voices = turn(speakers, number)
        sides = {side: say(said, voices[side]) for side, said in topic[split].items()}
        about = topic["category"], topic["topic"]
        for texts in product(sides["does"], sides["refuses"]):
            yield Pair(texts, 0, *about, "dealbreaker")
        for side in ("does", "refuses"):
            for texts in combinations(sides[side], 2):
                yield Pair(texts, 1, *about, "compatible")
        for texts in product(sides["refuses"], sides["without"]):
            yield Pair(texts, 1, *about, "compatible")


def pairs_of_profiles(split: Split) -> Iterator[Pair]:
    """Pair statements on two topics, of which the first weighs more.

    Agreeing on both scores 9, on the heavier one alone 7, on the lighter one alone 4, on neither 1;
    6 or more is compatible.
    """
    for number, couple in enumerate([*read("profiles_a"), *read("profiles_b")]):
        if split not in couple:
            continue
        voices = turn(dict.fromkeys(couple[split], "bg"), number)
        signs = {sign: say(said, voices[sign]) for sign, said in couple[split].items()}
        category = "_and_".join(couple["categories"])
        if number % 2:
            category = _TURNED.get(category, category)
        topics = "_and_".join(couple["topics"])
        for one, other in combinations(signs, 2):
            heavier, lighter = (a == b for a, b in zip(one, other, strict=True))
            for texts in product(signs[one], signs[other]):
                if heavier:
                    yield Pair(texts, 1, category, "score_7", "llm_judged_compatible")
                elif lighter:
                    yield Pair(texts, 0, category, "score_4", "llm_judged_incompatible")
                else:
                    yield Pair(texts, 0, category, topics, "complex_incompatible")
        for alike in signs.values():
            for texts in combinations(alike, 2):
                yield Pair(texts, 1, category, topics, "complex_compatible")


def cost(text: str, uses: int, balance: int, sign: int) -> float:
    """Say what it costs to use a statement once more: uses, a label that outweighs, and words."""
    return (balance + sign) ** 2 - balance**2 + uses + LENGTH_COST * len(text.split())


def choose(
    candidates: Sequence[Pair], quotas: Mapping[tuple[str, Label], int], rng: random.Random
) -> list[Pair]:
    """Choose pairs so that each statement is used evenly and with both labels.

    One pair at a time, of the kind that lags most behind its quota; the cheapest candidate wins. A
    statement costs more the more often it stands already, and the more one label outweighs.
    """
    kinds: dict[tuple[str, Label], list[Pair]] = {kind: [] for kind in quotas}
    for pair in filter(lambda pair: apart(pair.texts), candidates):
        kinds[pair.pair_type, pair.label].append(pair)
    uses: Counter[str] = Counter()
    balance: Counter[str] = Counter()
    of_topic: Counter[str] = Counter()
    chosen: list[Pair] = []
    open_kinds = [kind for kind, count in quotas.items() for _ in range(count)]
    rng.shuffle(open_kinds)
    for kind in open_kinds:
        sign = 1 if kind[1] else -1
        free = [p for p in kinds[kind] if max(uses[t] for t in p.texts) < MOST_USES]
        if not free:
            raise ValueError(f"found no free statements for {kind}, expected {quotas[kind]} pairs")
        costs = [
            sum(cost(text, uses[text], balance[text], sign) for text in pair.texts)
            + TOPIC_COST * of_topic[pair.subcategory]
            + rng.random() / 1000
            for pair in free
        ]
        best = free[costs.index(min(costs))]
        kinds[kind].remove(best)
        chosen.append(best)
        of_topic[best.subcategory] += 1
        for text in best.texts:
            uses[text] += 1
            balance[text] += sign
    return chosen


def realistic(split: Split) -> list[Pair]:
    """Return the pairs that were written as pairs."""
    return [
        Pair(
            (f"boy: {row['text_1']}", f"girl: {row['text_2']}"),
            row["label"],
            "realistic_example",
            row["subcategory"],
            "curated_realistic",
        )
        for row in read("realistic")
        if row["split"] == split
    ]


def build(split: Split) -> list[dict[str, Any]]:
    """Return the rows of one split, in random order, the order of the texts drawn at random."""
    rng = random.Random(f"{SEED} {split}")  # noqa: S311  # nothing here is secret
    candidates = [*pairs_of_topics(split), *pairs_of_habits(split), *pairs_of_profiles(split)]
    pairs = [*choose(candidates, QUOTAS[split], rng), *realistic(split)]
    rng.shuffle(pairs)
    rows = []
    for pair in pairs:
        texts = list(pair.texts)
        rng.shuffle(texts)
        rows.append(
            {
                "text_1": texts[0],
                "text_2": texts[1],
                "label": pair.label,
                "category": pair.category,
                "subcategory": pair.subcategory,
                "pair_type": pair.pair_type,
            }
        )
    return rows


def files() -> dict[str, str]:
    """Return the content of each file by name."""
    content = {}
    for split, name in NAMES.items():
        rows = build(split)
        content[f"{name}.jsonl"] = "".join(f"{json.dumps(row)}\n" for row in rows)
        counts = {
            "total_pairs": len(rows),
            "compatible_pairs": sum(row["label"] for row in rows),
            "incompatible_pairs": sum(1 - row["label"] for row in rows),
            "seed": SEED,
            **{
                field: dict(sorted(Counter(row[field] for row in rows).items()))
                for field in ("pair_type", "category")
            },
        }
        content[f"{name}_metadata.json"] = f"{json.dumps(counts, indent=2)}\n"
    return content


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description="Build the shipped pairs.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE.parent / "01_raw")
    folder = parser.parse_args().folder
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
