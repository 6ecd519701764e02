"""The shipped pairs: what the data card claims of them, computed."""

import json
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tuneproof.audit.leakage import count_leakage, normalised_tokens, trace_leakage
from tuneproof.audit.score import DataQualityScore
from tuneproof.audit.shortcuts import ShortcutProbe, probe_shortcuts
from tuneproof.audit.text import statement, words
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.pairs import DatingPair, RawLines, parse_pairs, split_by_group, swap_prefixes

from .audit.examples import audit_of, embed_statements

ROOT = Path(__file__).parents[1]
RAW = ROOT / "data" / "01_raw"
QUOTAS = {
    "compatible": (240, 60),
    "subtle_mismatch": (230, 50),
    "dealbreaker": (180, 45),
    "incompatible": (180, 45),
    "llm_judged_compatible": (134, 32),
    "llm_judged_incompatible": (106, 28),
    "complex_compatible": (63, 18),
    "complex_incompatible": (57, 12),
    "curated_realistic": (5, 5),
}
SINGLE = ("lifestyle", "interests", "values", "dealbreakers")


def load(name: str) -> list[DatingPair]:
    path = RAW / f"{name}.jsonl"
    pairs, rejected = parse_pairs(RawLines(str(path), path.read_bytes()), ("boy", "girl"))
    assert not rejected
    return pairs


@pytest.fixture(scope="module")
def train() -> list[DatingPair]:
    return load("dating_pairs")


@pytest.fixture(scope="module")
def evaluation() -> list[DatingPair]:
    return load("eval_pairs")


@pytest.fixture(scope="module")
def builder() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "data" / "source" / "build.py"))


@pytest.fixture(scope="module")
def audited(train: list[DatingPair], evaluation: list[DatingPair]) -> DataQualityScore:
    return audit_of(*split_by_group(train, 0.15, 42), evaluation, 0, embed=embed_statements)


@pytest.fixture(scope="module")
def probes(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> dict[str, dict[str, ShortcutProbe]]:
    options = BootstrapOptions(rounds=200, seed=0)
    parts = {"all": evaluation}
    parts["no dealbreakers"] = [p for p in evaluation if p.pair_type != "dealbreaker"]
    return {
        name: {
            probe.name: probe
            for probe in probe_shortcuts(train, part, np.zeros(len(part), np.bool_), options)
        }
        for name, part in parts.items()
    }


class TestBuilder:
    def test_gives_the_committed_files_to_the_byte(self, builder: dict[str, Any]) -> None:
        for name, content in builder["files"]().items():
            assert (RAW / name).read_bytes() == content.encode(), name

    def test_another_seed_gives_other_pairs(
        self, builder: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shipped = (RAW / "eval_pairs.jsonl").read_text("utf-8").splitlines()
        monkeypatch.setitem(builder["build"].__globals__, "SEED", builder["SEED"] + 1)
        rows = builder["build"]("eval")
        assert len(rows) == len(shipped)
        assert rows != [json.loads(line) for line in shipped]

    def test_the_score_of_a_profile_pair_decides_its_label(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        scored = [p for p in (*train, *evaluation) if p.pair_type.startswith("llm_judged")]
        assert len(scored) == 300
        for pair in scored:
            score = int(pair.subcategory.removeprefix("score_"))
            assert pair.label == (score >= 6)
            assert pair.pair_type.endswith("_incompatible") == (score < 6)


class TestCounts:
    def test_types_labels_and_categories(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        for side, pairs in enumerate((train, evaluation)):
            found = Counter(pair.pair_type for pair in pairs)
            assert found == {name: counts[side] for name, counts in QUOTAS.items()}
        assert [sum(p.label for p in pairs) for pairs in (train, evaluation)] == [628, 158]
        assert (len(train), len(evaluation)) == (1195, 295)
        categories = {pair.category for pair in train}
        assert len(categories) == 15
        assert {*SINGLE, "realistic_example", "lifestyle_and_values"} <= categories
        assert {pair.category for pair in evaluation} <= categories

    def test_lengths_are_near_the_published_ones(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        for pairs in (train, evaluation):
            lengths = [len(text.split()) for pair in pairs for text in pair.texts]
            assert 8 <= np.mean(lengths) <= 9
            assert min(lengths) >= 4
            assert max(lengths) <= 23

    def test_prefixes_come_in_both_orders(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        for pairs in (train, evaluation):
            orders = Counter(tuple(text.split(":")[0] for text in pair.texts) for pair in pairs)
            assert orders.keys() == {("boy", "girl"), ("girl", "boy")}
            assert min(orders.values()) > 0.4 * len(pairs)

    def test_metadata_counts_what_is_there(self, train: list[DatingPair]) -> None:
        found = json.loads((RAW / "dating_pairs_metadata.json").read_text("utf-8"))
        assert found["total_pairs"] == len(train)
        assert found["pair_type"] == Counter(pair.pair_type for pair in train)
        assert found["category"] == Counter(pair.category for pair in train)


class TestLeakage:
    def test_nothing_of_the_eval_pairs_stands_in_train(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        counts = count_leakage(trace_leakage(train, [], evaluation, 0.8), "eval")
        assert counts.clean == counts.pairs == 295

    def test_no_pair_stands_twice_and_none_under_both_labels(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        said = [
            frozenset(normalised_tokens(text) for text in pair.texts)
            for pair in (*train, *evaluation)
        ]
        assert len(set(said)) == len(said)
        assert all(len(texts) == 2 for texts in said)

    def test_a_third_of_the_eval_pairs_has_topics_that_train_never_has(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        counts = count_leakage(trace_leakage(train, [], evaluation, 0.8), "eval")
        assert counts.unseen_subcategory >= len(evaluation) / 3

    def test_an_unseen_topic_is_no_half_of_a_seen_couple(
        self, builder: dict[str, Any], train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        seen, asked = (
            {pair.subcategory for pair in pairs if not pair.subcategory.startswith("score_")}
            for pairs in (train, evaluation)
        )
        couples = [*builder["read"]("profiles_a"), *builder["read"]("profiles_b")]
        halves = {"_and_".join(couple["topics"]): set(couple["topics"]) for couple in couples}

        def topics(names: set[str]) -> set[str]:
            return {topic for name in names for topic in halves.get(name, {name})}

        assert not topics(asked - seen) & topics(seen)


class TestTexts:
    def test_no_statement_stands_more_than_four_times(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        uses = Counter(
            normalised_tokens(text) for pair in (*train, *evaluation) for text in pair.texts
        )
        assert max(uses.values()) <= 4

    def test_each_statement_meets_partners_of_both_labels(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        """But for those of the five `curated_realistic` pairs, which were written as pairs."""
        for pairs in (train, evaluation):
            labels: dict[str, set[int]] = {}
            for pair in pairs:
                if pair.pair_type != "curated_realistic":
                    for text in pair.texts:
                        labels.setdefault(text, set()).add(pair.label)
            assert set(map(frozenset, labels.values())) == {frozenset({0, 1})}

    def test_train_has_a_wide_vocabulary(self, train: list[DatingPair]) -> None:
        found = {w for pair in train for text in pair.texts for w in words(statement(text))}
        assert len(found) >= 1500

    def test_no_frame_carries_many_texts(
        self, train: list[DatingPair], evaluation: list[DatingPair]
    ) -> None:
        openings = Counter(
            tuple(words(statement(text))[:2])
            for pair in (*train, *evaluation)
            for text in pair.texts
        )
        assert max(openings.values()) <= 0.02 * openings.total()


class TestShortcuts:
    @pytest.mark.parametrize(
        ("part", "probe", "most"),
        [
            ("no dealbreakers", "text_1 alone", 0.60),
            ("no dealbreakers", "text_2 alone", 0.60),
            ("all", "text_1 alone", 0.70),
            ("all", "text_2 alone", 0.70),
            ("all", "token overlap", 0.65),
        ],
    )
    def test_no_text_tells_the_label(
        self,
        probes: dict[str, dict[str, ShortcutProbe]],
        part: str,
        probe: str,
        most: float,
    ) -> None:
        found = probes[part][probe].auc
        assert found is not None
        assert found <= most

    def test_dealbreaker_phrasings_occur_in_compatible_pairs_too(
        self, builder: dict[str, Any], train: list[DatingPair]
    ) -> None:
        refusals = {
            normalised_tokens(text)
            for topic in builder["read"]("dealbreakers")
            for text in topic.get("train", {}).get("refuses", [])
        }
        used, agreed = (
            {
                tokens
                for pair in train
                if pair.label in labels
                for tokens in map(normalised_tokens, pair.texts)
            }
            & refusals
            for labels in ((0, 1), (1,))
        )
        assert len(agreed) / len(used) > 0.5


class TestAudit:
    def test_scores(self, audited: DataQualityScore) -> None:
        assert audited.overall >= 75
        low = {
            sub.name
            for dimension in audited.dimensions
            for sub in dimension.sub_scores.values()
            if sub.score is not None and sub.score < 60
        }
        assert not low


def test_no_label_depends_on_who_says_it(builder: dict[str, Any]) -> None:
    """The rules see statements: two of them have one label, whichever prefixes they get."""
    labels: dict[frozenset[str], set[int]] = {}
    for split in ("train", "eval"):
        for rule in ("pairs_of_topics", "pairs_of_habits", "pairs_of_profiles"):
            for found in builder[rule](split):
                said = frozenset(statement(text) for text in found.texts)
                labels.setdefault(said, set()).add(found.label)
    assert len(labels) > 2000
    assert all(len(found) == 1 for found in labels.values())


def test_no_statement_names_a_gender(train: list[DatingPair], evaluation: list[DatingPair]) -> None:
    pairs = [*train, *evaluation]
    found = {word for pair in pairs for text in pair.texts for word in words(statement(text))}
    couple = {
        "he",
        "she",
        "him",
        "her",
        "his",
        "hers",
        "wife",
        "husband",
        "girlfriend",
        "boyfriend",
    }
    people = {"man", "woman", "men", "women", "guy", "lady", "boy", "girl", "waitress", "actress"}
    assert not found & (couple | people)


def test_prefixes_can_be_exchanged(train: list[DatingPair]) -> None:
    """What the fairness probe does to the shipped pairs: other prefixes, same statements."""
    for pair, other in zip(train, swap_prefixes(train, ("boy", "girl")), strict=True):
        assert all(a != b for a, b in zip(pair.texts, other.texts, strict=True))
        assert list(map(statement, pair.texts)) == list(map(statement, other.texts))


def test_a_second_reading_agrees_with_the_labels(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    labels = {pair.texts: pair.label for pair in (*train, *evaluation)}
    lines = (ROOT / "data" / "source" / "second_reading.jsonl").read_text("utf-8").splitlines()
    read = [json.loads(line) for line in lines]
    pairs = [labels[row["text_1"], row["text_2"]] for row in read]
    readings = [row["reading"] for row in read]
    assert len({(row["text_1"], row["text_2"]) for row in read}) == 150
    assert np.mean(np.array(pairs) == np.array(readings)) >= 0.9
    assert cohen_kappa_score(pairs, readings) >= 0.8
