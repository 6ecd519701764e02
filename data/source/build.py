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
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final, Literal

from omegaconf import OmegaConf

Split = Literal["train", "eval"]
Label = Literal[0, 1]
Rule = Literal["topics", "habits", "profiles", "realistic"]
Kind = tuple[Rule, str, Label]

SEED: Final = 5
NAMES: Final[Mapping[Split, str]] = {"train": "dating_pairs", "eval": "eval_pairs"}
MOST_USES: Final = 4
FAULT_COSTS: Final = (300, 1_000, 3_000, 10_000, 30_000)
LENGTH_COST: Final = 20
TOPIC_COST: Final = 200
"""What it costs that a statement lacks a label or stands too often (more and more), what a word
costs, and what each earlier pair on the same topic: short statements stand more often than long
ones, and no topic much more often than another."""

ROUNDS: Final = 500
TOPICS: Final = 2
CLEARED: Final = 40
"""How often pairs are chosen anew at each cost of a fault, of how many topics, and how many."""

HERE: Final = Path(__file__).parent

QUOTAS: Final[Mapping[Split, Mapping[Kind, int]]] = {
    "train": {
        ("topics", "compatible", 1): 180,
        ("habits", "compatible", 1): 60,
        ("topics", "subtle_mismatch", 1): 188,
        ("topics", "subtle_mismatch", 0): 42,
        ("topics", "dealbreaker", 0): 80,
        ("habits", "dealbreaker", 0): 100,
        ("topics", "incompatible", 0): 180,
        ("profiles", "llm_judged_compatible", 1): 134,
        ("profiles", "llm_judged_incompatible", 0): 106,
        ("profiles", "complex_compatible", 1): 63,
        ("profiles", "complex_incompatible", 0): 57,
    },
    "eval": {
        ("topics", "compatible", 1): 48,
        ("habits", "compatible", 1): 12,
        ("topics", "subtle_mismatch", 1): 45,
        ("topics", "subtle_mismatch", 0): 5,
        ("topics", "dealbreaker", 0): 32,
        ("habits", "dealbreaker", 0): 13,
        ("topics", "incompatible", 0): 45,
        ("profiles", "llm_judged_compatible", 1): 32,
        ("profiles", "llm_judged_incompatible", 0): 28,
        ("profiles", "complex_compatible", 1): 18,
        ("profiles", "complex_incompatible", 0): 12,
    },
}
"""Pairs of each rule, type and label; five hand-made `curated_realistic` pairs join each split."""

# Compound categories that name the lighter trait first for every other couple of topics.
_TURNED: Final = {
    "values_and_lifestyle": "lifestyle_and_values",
    "values_and_interests": "interests_and_values",
    "lifestyle_and_interests": "interests_and_lifestyle",
    "values_and_dealbreakers": "dealbreakers_and_values",
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two texts, prefixes included, what is known of them, and the rule that paired them.

    A pair equals itself alone: thousands are looked up millions of times.
    """

    rule: Rule
    texts: tuple[str, str]
    label: Label
    category: str
    subcategory: str
    pair_type: str

    @property
    def kind(self) -> Kind:
        """What a quota counts."""
        return self.rule, self.pair_type, self.label


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

    `some` differs from `for` in degree alone; that matters in firm topics and to who `insists`.
    """
    for name in ("lifestyle", "interests", "values"):
        for number, topic in enumerate(read(name)):
            if split not in topic:
                continue
            if topic["firm"]:
                speakers = {"for": "bgbg", "against": "gbgb", "some": "gbg"}
            else:
                speakers = {"for": "bgbb", "against": "gbgb", "some": "ggg", "insists": "bb"}
            voices = turn(speakers, number)
            sides = {side: say(said, voices[side]) for side, said in topic[split].items()}
            about = topic["category"], topic["topic"]
            insisting = sides.get("insists", [])
            for side in ("for", "against"):
                for texts in combinations(sides[side], 2):
                    yield Pair("topics", texts, 1, *about, "compatible")
            for texts in product(sides["for"], insisting):
                yield Pair("topics", texts, 1, *about, "compatible")
            for texts in product(sides["for"], sides["against"]):
                yield Pair("topics", texts, 0, *about, "incompatible")
            for texts in product(insisting, [*sides["some"], *sides["against"]]):
                yield Pair("topics", texts, 0, *about, "dealbreaker")
            for texts in product(sides["for"], sides["some"]):
                yield Pair("topics", texts, 0 if topic["firm"] else 1, *about, "subtle_mismatch")
            for texts in combinations(sides["some"] if topic["firm"] else [], 2):
                yield Pair("topics", texts, 1, *about, "compatible")


def pairs_of_habits(split: Split) -> Iterator[Pair]:
    """Pair the statements on habits: who refuses one clashes with who has it, and with no other.

    Who has a habit clashes with who lives without it where they `insist` on company in it.
    """
    # Three against one: refusing meets having more often than two against two would allow.
    speakers = {"does": "bgbb", "refuses": "gbgg", "without": "bbb", "insists": "gg"}
    for number, topic in enumerate(read("dealbreakers")):
        if split not in topic:
            continue
        voices = turn(speakers, number)
        sides = {side: say(said, voices[side]) for side, said in topic[split].items()}
        about = topic["category"], topic["topic"]
        insisting = sides.get("insists", [])
        for texts in product([*sides["does"], *insisting], sides["refuses"]):
            yield Pair("habits", texts, 0, *about, "dealbreaker")
        for texts in product(insisting, sides["without"]):
            yield Pair("habits", texts, 0, *about, "dealbreaker")
        for side in ("does", "refuses"):
            for texts in combinations(sides[side], 2):
                yield Pair("habits", texts, 1, *about, "compatible")
        for texts in product(sides["does"], insisting):
            yield Pair("habits", texts, 1, *about, "compatible")
        for texts in product(sides["refuses"], sides["without"]):
            yield Pair("habits", texts, 1, *about, "compatible")


def pairs_of_profiles(split: Split) -> Iterator[Pair]:
    """Pair statements on two topics, of which the first weighs more.

    Agreeing on both scores 9, on the heavier one alone 7, on the lighter one alone 4, on neither 1;
    6 or more is compatible.
    """
    of_category: Counter[str] = Counter()
    for number, couple in enumerate([*read("profiles_a"), *read("profiles_b")]):
        if split not in couple:
            continue
        voices = turn(dict.fromkeys(couple[split], "bg"), number)
        signs = {sign: say(said, voices[sign]) for sign, said in couple[split].items()}
        category = "_and_".join(couple["categories"])
        of_category[category] += 1
        if of_category[category] % 2:
            category = _TURNED.get(category, category)
        topics = "_and_".join(couple["topics"])
        for one, other in combinations(signs, 2):
            heavier, lighter = (a == b for a, b in zip(one, other, strict=True))
            for texts in product(signs[one], signs[other]):
                if heavier:
                    yield Pair("profiles", texts, 1, category, "score_7", "llm_judged_compatible")
                elif lighter:
                    yield Pair("profiles", texts, 0, category, "score_4", "llm_judged_incompatible")
                else:
                    yield Pair("profiles", texts, 0, category, topics, "complex_incompatible")
        for alike in signs.values():
            for texts in combinations(alike, 2):
                yield Pair("profiles", texts, 1, category, topics, "complex_compatible")


@cache
def price(n_words: int, zeros: int, ones: int, fault: int) -> int:
    """Say what it costs that a statement stands in so many pairs of label 0 and of label 1."""
    uses = zeros + ones
    if not uses:
        return 0
    faults = (not zeros) + (not ones) + max(0, uses - MOST_USES)
    return fault * faults + uses**2 + (zeros - ones) ** 2 + uses * LENGTH_COST * n_words


class Choice:
    """A choice of pairs: places of a kind each, what fills them, and what that costs.

    Args:
        candidates: Pairs to choose from.
        kinds: Rule, pair type and label of each place.
        rng: Source of the order of equally cheap candidates.
    """

    def __init__(
        self, candidates: Sequence[Pair], kinds: Sequence[Kind], rng: random.Random
    ) -> None:
        self.kinds = kinds
        self.pairs: list[Pair | None] = [None] * len(kinds)
        self.cost = 0
        self._fault = FAULT_COSTS[0]
        self.faulty: set[str] = set()
        self._free: dict[Kind, list[Pair]] = {kind: [] for kind in kinds}
        for pair in rng.sample(candidates, len(candidates)):
            self._free[pair.kind].append(pair)
        self._uses = {text: [0, 0] for pair in candidates for text in pair.texts}
        self._n_words = {text: len(text.split()) for text in self._uses}
        self._of_topic: Counter[str] = Counter()
        self._one_more = {text: [0, 0] for text in self._uses}
        for text in self._uses:
            self._reprice(text)

    def fill(self, place: int, pair: Pair | None = None) -> None:
        """Put in a pair, or the cheapest of the place's kind."""
        free = self._free[self.kinds[place]]
        if not free:
            raise ValueError(f"found no pair of {self.kinds[place]} left, expected more statements")
        pair = pair or min(free, key=self._cost_of)
        free.remove(pair)
        self.pairs[place] = pair
        self.cost += self._cost_of(pair)
        self._count(pair, 1)

    def clear(self, place: int) -> Pair:
        """Take out the pair of a place."""
        pair = self.pairs[place]
        assert pair is not None
        self.pairs[place] = None
        self._count(pair, -1)
        self.cost -= self._cost_of(pair)
        self._free[self.kinds[place]].append(pair)
        return pair

    def reprice(self, fault: int) -> None:
        """Let a fault cost more; `cost` then compares with later costs alone."""
        self._fault = fault
        for text in self._uses:
            self._reprice(text)

    def _cost_of(self, pair: Pair) -> int:
        one, other = pair.texts
        statements = self._one_more[one][pair.label] + self._one_more[other][pair.label]
        return statements + TOPIC_COST * self._of_topic[pair.subcategory]

    def _count(self, pair: Pair, by: int) -> None:
        self._of_topic[pair.subcategory] += by
        for text in pair.texts:
            self._uses[text][pair.label] += by
            self._reprice(text)

    def _reprice(self, text: str) -> None:
        n_words, (zeros, ones) = self._n_words[text], self._uses[text]
        now = price(n_words, zeros, ones, self._fault)
        self._one_more[text] = [
            price(n_words, zeros + 1, ones, self._fault) - now,
            price(n_words, zeros, ones + 1, self._fault) - now,
        ]
        faulty = bool(zeros) != bool(ones) or zeros + ones > MOST_USES
        (self.faulty.add if faulty else self.faulty.discard)(text)


def renew(choice: Choice, rng: random.Random) -> None:
    """Clear the places of a few topics, one with a faulty statement first, and fill them anew.

    What got dearer is undone.
    """
    pairs = [pair for pair in choice.pairs if pair is not None]
    faulty = [pair for pair in pairs if choice.faulty.intersection(pair.texts)]
    drawn = [*rng.sample(faulty, min(len(faulty), 1)), *rng.sample(pairs, TOPICS)]
    topics = {pair.subcategory for pair in drawn}
    places = [place for place, pair in enumerate(pairs) if pair.subcategory in topics]
    places = rng.sample(places, min(len(places), CLEARED))
    before = choice.cost
    old = [(place, choice.clear(place)) for place in places]
    for place in places:
        choice.fill(place)
    if choice.cost > before:
        for place in places:
            choice.clear(place)
        for place, pair in old:
            choice.fill(place, pair)


def choose(
    candidates: Sequence[Pair], quotas: Mapping[Kind, int], rng: random.Random
) -> list[Pair]:
    """Choose as many pairs of each kind as its quota, so that each statement has both labels.

    Places are filled with the cheapest pairs, and then again and again anew, while faults cost more
    and more: early dear faults would crowd the pairs into few topics. Source: Schrimpf et al.
    (2000), Record breaking optimization results using the ruin and recreate principle. All costs
    are whole numbers: the choice is the same everywhere.
    """
    kinds = [kind for kind, count in quotas.items() for _ in range(count)]
    rng.shuffle(kinds)
    choice = Choice([pair for pair in candidates if apart(pair.texts)], kinds, rng)
    for place in range(len(kinds)):
        choice.fill(place)
    for fault in FAULT_COSTS:
        choice.reprice(fault)
        for _ in range(ROUNDS):
            renew(choice, rng)
    return [pair for pair in choice.pairs if pair is not None]


def realistic(split: Split) -> list[Pair]:
    """Return the pairs that were written as pairs."""
    return [
        Pair(
            "realistic",
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
