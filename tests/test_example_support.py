"""The support questions: what their card claims, computed."""

import runpy
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from tuneproof.audit.leakage import count_leakage, trace_leakage
from tuneproof.audit.shortcuts import ShortcutProbe, probe_shortcuts
from tuneproof.audit.text import words
from tuneproof.metrics.uncertainty import BootstrapOptions
from tuneproof.pairs import Columns, DatingPair, RawLines, connected_groups, parse_pairs

ROOT = Path(__file__).parents[1]
RAW = ROOT / "data" / "01_raw"
CARD = (ROOT / "docs" / "support_card.md").read_text(encoding="utf-8")
COLUMNS = Columns(**OmegaConf.load(ROOT / "conf/support/parameters_prepare.yml").prepare.columns)


def load(split: str) -> list[DatingPair]:
    path = RAW / f"support_{split}.csv"
    pairs, rejected = parse_pairs(RawLines(str(path), path.read_bytes()), None, COLUMNS)
    assert not rejected
    return pairs


@pytest.fixture(scope="module")
def train() -> list[DatingPair]:
    return load("train")


@pytest.fixture(scope="module")
def evaluation() -> list[DatingPair]:
    return load("eval")


def articles(pair: DatingPair) -> tuple[str, str]:
    extra = pair.model_extra or {}
    return extra["article_a"], extra["article_b"]


def test_the_files_are_what_the_questions_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ROOT / "data" / "source" / "support" / "build_support.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--to", str(tmp_path)])
    runpy.run_path(str(script), run_name="__main__")
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(built) == {"support_train.csv", "support_eval.csv"}
    for name, content in built.items():
        assert (RAW / name).read_bytes() == content


def test_half_of_the_pairs_of_every_topic_are_duplicates(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    for pairs, n in ((train, 240), (evaluation, 80)):
        assert len(pairs) == n
        topics = Counter((pair.category, pair.label) for pair in pairs)
        assert len(topics) == 20
        assert set(topics.values()) == {n // 20}


def test_duplicates_are_what_one_article_answers(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    for pair in [*train, *evaluation]:
        first, second = articles(pair)
        assert pair.label == (first == second)


def test_every_question_stands_in_one_pair_of_each_label(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    labels = defaultdict(list)
    for pair in [*train, *evaluation]:
        for text in pair.texts:
            labels[text].append(pair.label)
    assert len(labels) == 320
    assert all(sorted(found) == [0, 1] for found in labels.values())


def test_train_and_eval_share_no_article_and_no_wording(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    known, asked = (
        {name for pair in pairs for name in articles(pair)} for pairs in (train, evaluation)
    )
    assert (len(known), len(asked)) == (120, 40)
    assert not known & asked
    leakage = count_leakage(trace_leakage(train, [], evaluation, 0.5), "eval")
    assert leakage.clean == leakage.pairs == 80


def test_no_question_begins_like_many_others(
    train: list[DatingPair], evaluation: list[DatingPair]
) -> None:
    texts = {text for pair in [*train, *evaluation] for text in pair.texts}
    openings = Counter(" ".join(words(text)[:3]) for text in texts)
    (opening, most), *_ = openings.most_common(1)
    assert most <= 0.05 * len(texts), opening


@pytest.fixture(scope="module")
def probes(train: list[DatingPair], evaluation: list[DatingPair]) -> list[ShortcutProbe]:
    unshared = np.zeros(len(evaluation), dtype=bool)
    return probe_shortcuts(train, evaluation, unshared, BootstrapOptions(rounds=200, seed=42))


def test_no_shortcut_tells_the_label(probes: list[ShortcutProbe]) -> None:
    for probe in probes:
        assert probe.auc is not None
        assert probe.auc < 0.6, probe.name


def test_the_card_gives_the_probes_as_they_are(probes: list[ShortcutProbe]) -> None:
    for probe in probes:
        assert f"| {probe.name} | {probe.auc:.3f} |" in CARD


def test_eval_has_groups_enough_for_intervals(evaluation: list[DatingPair]) -> None:
    assert connected_groups(evaluation).max() + 1 == 20
