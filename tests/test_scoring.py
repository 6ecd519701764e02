"""Scoring: what is read, what is said of it, and that it is a stream."""

import csv
import io
import json
import logging
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from kedro.io import DatasetError, Version

from tuneproof.datasets.scoring import ChosenModelDataset, PairFileDataset, ScoredPairsDataset
from tuneproof.encoding import EmbeddingModel, PairEmbeddings, nearest_pairs
from tuneproof.errors import InvalidPairsError, StaleArtifactError, TuneproofError
from tuneproof.instructions import Instructions, describe_instructions
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.measurement.records import BaselineMetrics, CalibrationMetrics
from tuneproof.pairs import Columns, DatingPair, PrepareOptions, RawLines, hash_pairs, parse_pairs
from tuneproof.pipelines.scoring.nodes import score_new_pairs
from tuneproof.rows import read_rows
from tuneproof.scoring.new_pairs import NewPair, PairFile, check_new_pairs, read_new_pair
from tuneproof.scoring.records import ScoredPairs
from tuneproof.scoring.score import Scorer, ScoringOptions, k_nearest_pairs

from .test_progress import Screen

VERSION = Version(None, "2026-01-01T00.00.00.000Z")
PREPARE = PrepareOptions(
    prefixes=("boy", "girl"),
    on_invalid="fail",
    validation_fraction=0.15,
    seed=1,
    near_duplicate_similarity=0.8,
)
QUARANTINE = PrepareOptions(**{**vars(PREPARE), "on_invalid": "quarantine"})
ANY_TEXT = PrepareOptions(**{**vars(PREPARE), "prefixes": None})
OPTIONS = ScoringOptions(nearest=2, chunk_size=64, batch_size=16, precision="fp32")
ROW = {"text_1": "boy: i like tea", "text_2": "girl: i hate tea"}


def rows_of(*lines: str | bytes, name: str = "new.jsonl") -> list[Any]:
    content = [line.encode() if isinstance(line, str) else line for line in lines]
    return list(read_rows(io.BytesIO(b"\n".join(content)), name))


def read(fields: dict[str, Any], options: PrepareOptions = PREPARE) -> NewPair | list[str]:
    return read_new_pair(rows_of(json.dumps(fields))[0], options)


def write(path: Path, rows: Sequence[dict[str, Any]]) -> PairFile:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return PairFile(path)


# What is read


def test_two_texts_are_all_that_a_pair_needs_and_whatever_else_it_has_is_kept() -> None:
    fields = {**ROW, "label": "?", "pair_type": "", "id": 7, "tags": [{"a": None}]}
    pair = read(fields)
    assert isinstance(pair, NewPair)
    assert (pair.texts, pair.category, pair.row) == (tuple(ROW.values()), "all", fields)


@pytest.mark.parametrize("category", [None, "", "  "])
def test_a_blank_category_is_none(category: str | None) -> None:
    pair = read({**ROW, "category": category})
    assert isinstance(pair, NewPair)
    assert (pair.category, pair.row["category"]) == ("all", category)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text_1": 3}, "text_1: found 3, expected a text that is not empty"),
        ({"text_2": ""}, "text_2: found '', expected a text that is not empty"),
        ({"text_2": " "}, "text_2: found ' ', expected a text that is not blank"),
        ({"text_1": "tea"}, "text_1: found 'tea', expected it to begin with 'boy: ' or 'girl: '"),
        ({"text_1": "boy: "}, "text_1: found nothing after 'boy:', expected a statement"),
        ({"category": 5}, "category: found 5, expected a text that is not empty"),
        ({"decision": 1}, "decision: found a field of this name, expected none: scoring adds one"),
    ],
)
def test_a_row_that_is_no_pair_says_which_field_is_at_fault(
    changes: dict[str, Any], reason: str
) -> None:
    assert read({**ROW, **changes}) == [reason]


def test_a_missing_text_is_named_as_the_file_names_it() -> None:
    columns = Columns(text_1="question", text_2="answer", category=None)
    options = PrepareOptions(**{**vars(ANY_TEXT), "columns": columns})
    assert read({"question": "Why?"}, options) == [
        "answer: found nothing, expected a text that is not empty"
    ]
    # Nothing is renamed, so a field with a name of the schema loses nothing.
    pair = read({"question": "Why?", "answer": "So.", "text_1": "kept"}, options)
    assert isinstance(pair, NewPair)
    assert pair.texts == ("Why?", "So.")
    assert pair.row == {"question": "Why?", "answer": "So.", "text_1": "kept"}


@pytest.mark.parametrize("value", ["1e999", '"\\ud800"', "[" * 250 + "]" * 250])
def test_a_value_that_cannot_be_saved_is_named(value: str) -> None:
    row = rows_of('{"text_1": "boy: a", "text_2": "girl: b", "extra": ' + value + "}")[0]
    reasons = read_new_pair(row, PREPARE)
    assert isinstance(reasons, list)
    assert reasons[0].startswith("'extra': found ")


@given(
    st.fixed_dictionaries(
        {"text_1": st.text(max_size=3), "text_2": st.text(max_size=3)},
        optional={"category": st.text(max_size=2), "note": st.text() | st.floats() | st.none()},
    )
)
def test_the_texts_are_held_to_the_rules_of_labelled_pairs(fields: dict[str, Any]) -> None:
    known = {"label": 1, "category": "c", "subcategory": "s", "pair_type": "p"}
    whole = {**known, **fields, "category": fields.get("category", "").strip() or "c"}
    raw = RawLines("new.jsonl", json.dumps(whole).encode())
    pairs, _ = parse_pairs(raw)
    assert isinstance(read(fields, ANY_TEXT), NewPair) == bool(pairs)


def test_all_problems_of_a_file_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_bytes(b'{"text_1": "boy: a"}\n\n\xff\n[1]\n{"text_2": 1}\n' + b"{}\n" * 30)
    with pytest.raises(InvalidPairsError) as error:
        check_new_pairs(PairFile(path), PREPARE)
    lines = str(error.value).splitlines()
    assert lines[0] == "67 problem(s) in the pairs to score:"
    assert lines[1] == f"{path}: found no valid pair among 35 rows, expected pairs of two texts"
    assert lines[2] == f"{path}:1: text_2: found nothing, expected a text that is not empty"
    assert lines[3] == f"{path}:2: line: found a blank line, expected a JSON object"
    assert lines[4] == f"{path}:3: line: found byte 0xff at 1, expected UTF-8"
    assert lines[5] == f"{path}:4: line: found [1], expected a JSON object"
    assert sum(str(path) in line for line in lines[1:21]) == 20
    assert "... and 47 more" in lines
    assert "prepare.columns" in lines[-1]


def test_a_text_that_no_row_has_is_told_once(tmp_path: Path) -> None:
    file = write(tmp_path / "new.jsonl", [{"text_1": "tea", "texts_2": "girl: b"}] * 30)
    with pytest.raises(InvalidPairsError) as error:
        check_new_pairs(file, PREPARE)
    assert str(error.value).splitlines() == [
        "2 problem(s) in the pairs to score:",
        f"{file.path}: found no valid pair among 30 rows, expected pairs of two texts",
        f"{file.path}: text_2: found no field of this name in any row, expected it among "
        "'text_1', 'texts_2'. Did you mean 'texts_2'?",
        "If the file names its fields otherwise, say so in prepare.columns.",
    ]


def test_a_bad_row_stops_all_or_is_set_aside(tmp_path: Path) -> None:
    file = write(tmp_path / "new.jsonl", [ROW, {**ROW, "text_2": ""}, ROW])
    with pytest.raises(InvalidPairsError, match=r"new\.jsonl:2: text_2: found ''(.|\n)*quarantine"):
        check_new_pairs(file, PREPARE)
    pairs = check_new_pairs(file, QUARANTINE)
    assert (pairs.n, pairs.rejected, len(list(pairs))) == (2, 1, 2)
    (row,) = pairs.rejected_rows()
    assert (row.line, json.loads(row.content)["text_2"]) == (2, "")
    assert row.reasons == ["text_2: found '', expected a text that is not empty"]


@pytest.mark.parametrize("options", [PREPARE, QUARANTINE])
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("new.jsonl", "", "found an empty file"),
        ("new.jsonl", '{"text_1": "boy: a"}\n', "found no valid pair among 1 rows"),
        ("new.csv", "", "found an empty file"),
        ("new.csv", "text_1,text_2\n", "found a header and no row, expected a header and one pair"),
        ("new.csv", "a,a\n1,2\n", "found the field 'a' twice"),
        ("new.csv", "text_1;text_2\nboy: a;girl: b\n", "separated by commas"),
    ],
)
def test_a_file_without_pairs_is_refused_whatever_the_rule(
    tmp_path: Path, options: PrepareOptions, name: str, content: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidPairsError, match=reason):
        check_new_pairs(PairFile(path), options)


@pytest.mark.parametrize("options", [PREPARE, QUARANTINE])
@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("", None),
        ("{\n", None),
        ('{"text_1": "boy: a"}\n', "If the file names its fields otherwise"),
        ('{"text_1": "a", "text_2": "b"}\n', "If the texts are to have no prefix"),
    ],
)
def test_without_any_pair_the_hint_is_that_of_the_reason(
    tmp_path: Path, options: PrepareOptions, content: str, hint: str | None
) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidPairsError) as error:
        check_new_pairs(PairFile(path), options)
    last = str(error.value).splitlines()[-1]
    assert last.startswith(hint or str(path))


def test_a_csv_file_gives_the_same_pairs_as_json_lines(tmp_path: Path) -> None:
    rows = [
        {"text_1": 'boy: i like "tea",\nand cake', "text_2": "girl: täglich 🍰", "id": "1"},
        {"text_1": "boy: a", "text_2": "girl: b", "id": ""},
    ]
    path = tmp_path / "new.CSV"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    from_csv = check_new_pairs(PairFile(path), PREPARE)
    from_json = check_new_pairs(write(tmp_path / "new.jsonl", rows), PREPARE)
    assert [pair.row for pair in from_csv] == [pair.row for pair in from_json] == rows


def test_a_file_that_changes_while_it_is_scored_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "new.jsonl", [ROW, {}] * 3)
    pairs = check_new_pairs(file, QUARANTINE)
    streams: list[Iterator[Any]] = [iter(pairs), iter(pairs.rejected_rows())]
    for stream in streams:
        next(stream)
    with file.path.open("a", encoding="utf-8") as more:
        more.write(json.dumps(ROW) + "\n")
    for stream in streams:
        with pytest.raises(InvalidPairsError, match="found other content"):
            list(stream)


# What is said of it


def unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


@given(
    arrays(np.float32, (7, 2, 3), elements=st.integers(-2, 2)),
    arrays(np.float32, (11, 2, 3), elements=st.integers(-2, 2)),
    st.integers(0, 11),
)
def test_the_nearest_pairs_are_those_of_a_whole_sort_of_equals_the_first(
    vectors: npt.NDArray[np.float32], references: npt.NDArray[np.float32], k: int
) -> None:
    rows, similarities = k_nearest_pairs(vectors, references, k)
    for row, vector in enumerate(vectors):
        straight = (vector[0] @ references[:, 0].T) + (vector[1] @ references[:, 1].T)
        crossed = (vector[0] @ references[:, 1].T) + (vector[1] @ references[:, 0].T)
        expected = np.maximum(straight, crossed)  # integers: no rounding
        order = sorted(range(11), key=lambda place: (-expected[place], place))[:k]
        assert rows[row].tolist() == order
        np.testing.assert_array_equal(similarities[row], np.clip(expected[order] / 2, -1, 1))


def test_the_nearest_pair_is_the_one_that_measuring_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(5)
    vectors, references = (unit(draws.normal(size=(n, 2, 8)).astype(np.float32)) for n in (40, 60))
    rows, similarities = nearest_pairs(vectors, references)
    for at_once in (1, 130, 10**9):
        monkeypatch.setattr("tuneproof.scoring.score._SIMILARITIES_AT_ONCE", at_once)
        found, at = k_nearest_pairs(vectors, references, 3)
        np.testing.assert_array_equal(found[:, 0], rows)
        np.testing.assert_allclose(at[:, 0], similarities, atol=1e-6)
        assert (np.diff(at, axis=1) <= 0).all()


class CountingModel:
    """Stands for a transformer: a text alone decides its direction. Notes what it reads."""

    class device:  # noqa: N801
        type = "cpu"

    def __init__(self) -> None:
        self.read: list[str] = []

    def preprocess(self, texts: list[str]) -> dict[str, Any]:
        return {}

    def encode(self, texts: list[str], **_: Any) -> npt.NDArray[np.float32]:
        self.read += texts
        return np.array([directions(text) for text in texts], dtype=np.float32)


def directions(text: str) -> list[float]:
    seed = int.from_bytes(text.encode("utf-8"), "big") % 1_000_003
    return [float(seed % prime) - prime / 2 for prime in (7, 11, 13, 17)]


BASE = ModelIdentity(name="tiny", revision=None, sha256="a" * 64)
HERE = Environment(python="3.11", libraries={}, git_commit=None)
TRAIN = [
    DatingPair(
        text_1=f"boy: {n}", text_2=f"girl: {n}", label=n % 2, category="c", subcategory="s",
        pair_type="p",
    )
    for n in range(5)
]  # fmt: skip
THRESHOLD, SLOPE, INTERCEPT = 0.25, 3.0, -1.0
INSTRUCTIONS = Instructions(by_category={"tea": "About tea.", "none": None}, default=None)


def trained(instructions: Instructions | None = None, name: str = "lora") -> EmbeddingModel:
    manifest = Manifest(
        model_name=name,
        base_model=BASE,
        pairs={} if name == "baseline" else {"train": hash_pairs(TRAIN), "validation": "b" * 64},
        parameters=describe_instructions(instructions),
        environment=HERE,
    )
    return EmbeddingModel(cast(Any, CountingModel()), manifest)


def measured(model: EmbeddingModel) -> tuple[BaselineMetrics, PairEmbeddings]:
    manifest = Manifest(
        model_name=model.manifest.model_name,
        base_model=BASE,
        pairs={"train": hash_pairs(TRAIN), "eval": "c" * 64},
        environment=HERE,
        model=model.manifest if model.manifest.pairs else None,
    )
    curve: dict[str, Any] = {"slope": SLOPE, "intercept": INTERCEPT}
    # Of all metrics, what scoring looks at.
    known: dict[str, Any] = {
        "best_threshold": THRESHOLD,
        "calibration": CalibrationMetrics.model_construct(**curve),
        "manifest": manifest,
    }
    vectors = np.array([[directions(text) for text in pair.texts] for pair in TRAIN], np.float32)
    return BaselineMetrics.model_construct(**known), PairEmbeddings(vectors, manifest)


def score(
    file: PairFile,
    model: EmbeddingModel,
    options: ScoringOptions = OPTIONS,
    prepare: PrepareOptions = PREPARE,
) -> ScoredPairs:
    scored, _ = score_new_pairs(file, model, *measured(model), TRAIN, prepare, options)
    return scored


def numbered(n: int) -> Iterator[dict[str, Any]]:
    for row in range(n):
        yield {"text_1": f"boy: {row}", "text_2": f"girl: {row * row}", "id": row}


def test_each_row_is_kept_in_order_with_what_the_model_says_of_it(tmp_path: Path) -> None:
    rows = list(numbered(150))
    scored = score(write(tmp_path / "new.jsonl", rows), trained())
    found = list(scored.rows)
    assert [{key: row[key] for key in rows[0]} for row in found] == rows
    assert list(found[0]) == [
        *rows[0], "cosine", "probability", "decision", "nearest_train_pairs"
    ]  # fmt: skip
    for row in found:
        first, second = np.array(directions(row["text_1"])), np.array(directions(row["text_2"]))
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert row["cosine"] == pytest.approx(cosine, abs=1e-6)
        assert row["probability"] == pytest.approx(1 / (1 + np.exp(-(SLOPE * cosine + INTERCEPT))))
        assert row["decision"] == int(row["cosine"] >= THRESHOLD)
        assert len(row["nearest_train_pairs"]) == 2
        for near in row["nearest_train_pairs"]:
            pair = TRAIN[near["row"]]
            assert (near["text_1"], near["text_2"], near["label"]) == (*pair.texts, pair.label)
    assert {row["decision"] for row in found} == {0, 1}
    nearest = found[3]["nearest_train_pairs"][0]  # its first text is that of train pair 3
    assert nearest["similarity"] >= 0.5


def test_chunks_change_no_figure_and_a_text_is_read_once_a_chunk(tmp_path: Path) -> None:
    shared = [{"text_1": "boy: shared", "text_2": f"girl: {n}"} for n in range(100)]
    file = write(tmp_path / "new.jsonl", shared)
    outcomes = []
    for chunk, times in ((1, 100), (33, 4), (1000, 1)):
        model = trained()
        options = ScoringOptions(nearest=1, chunk_size=chunk, batch_size=7, precision="fp32")
        outcomes.append(list(score(file, model, options).rows))
        read_texts = Counter(cast(CountingModel, model.transformer).read)
        assert read_texts["boy: shared"] == times
        assert sum(read_texts.values()) == 100 + times
    for rows in zip(*outcomes, strict=True):
        cosines = {row["cosine"] for row in rows}
        nearest = [row["nearest_train_pairs"][0] for row in rows]
        assert len(cosines) == len({near["row"] for near in nearest}) == 1
        similarities = [near["similarity"] for near in nearest]
        assert similarities == pytest.approx([similarities[0]] * 3, abs=1e-6)


def test_a_terminal_shows_one_bar_for_all_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr("tuneproof.progress.SHOWN_AFTER", 0)
    monkeypatch.setattr("sys.stderr", screen)
    options = ScoringOptions(nearest=0, chunk_size=1, batch_size=1, precision="fp32")
    list(score(write(tmp_path / "new.jsonl", [ROW] * 3), trained(), options).rows)
    assert "scoring with lora" in screen.getvalue()
    assert "encoding" not in screen.getvalue()


def test_without_neighbours_there_are_none_and_more_than_there_are_gives_all(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "new.jsonl", [ROW])
    for asked, given_ in ((0, 0), (50, 5)):
        options = ScoringOptions(nearest=asked, chunk_size=9, batch_size=9, precision="fp32")
        (row,) = score(file, trained(), options).rows
        assert len(row["nearest_train_pairs"]) == given_


def test_an_instructed_model_reads_the_instruction_of_the_category(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**ROW, "category": "tea"}, {**ROW, "category": "none"}, ROW]
    model = trained(INSTRUCTIONS, "instructed")
    with caplog.at_level(logging.INFO):
        found = list(score(write(tmp_path / "new.jsonl", rows), model).rows)
    expected = {*ROW.values(), *(f"About tea. {text}" for text in ROW.values())}
    assert set(cast(CountingModel, model.transformer).read) == expected
    assert found[0]["text_1"] == ROW["text_1"]  # what is shown is bare
    assert found[0]["cosine"] != found[1]["cosine"] == found[2]["cosine"]
    assert "2 of 3 pairs read no instruction" in caplog.text
    ones = sum(row["decision"] for row in found)
    assert f"3 pairs scored with instructed, {ones} of them at or above" in caplog.text


def test_the_scores_say_where_they_come_from(tmp_path: Path) -> None:
    file = write(tmp_path / "new.jsonl", [ROW])
    model = trained()
    manifest = score(file, model).manifest
    assert manifest.model == model.manifest
    assert manifest.pairs == {"new": file.sha256(), "train": hash_pairs(TRAIN)}
    assert manifest.parameters == {
        "nearest": 2,
        "chunk_size": 64,
        "batch_size": 16,
        "precision": "fp32",
        "file": "new.jsonl",
        "threshold": THRESHOLD,
        "slope": SLOPE,
        "intercept": INTERCEPT,
    }


# What does not belong together


def test_the_base_model_is_scored_with_what_was_measured_of_it() -> None:
    model = trained(name="baseline")
    metrics, vectors = measured(model)
    Scorer.of_one_origin(model, metrics, vectors, TRAIN)
    other = BASE.model_copy(update={"sha256": "d" * 64})
    changed = EmbeddingModel(
        model.transformer, model.manifest.model_copy(update={"base_model": other})
    )
    with pytest.raises(StaleArtifactError, match=r"another baseline model.*=baseline$"):
        Scorer.of_one_origin(changed, metrics, vectors, TRAIN)


def test_figures_of_another_model_measurement_or_pairs_are_refused() -> None:
    model = trained()
    metrics, vectors = measured(model)
    again = model.manifest.model_copy(update={"seed": 2})
    with pytest.raises(StaleArtifactError, match="lora_metrics measured another lora model"):
        Scorer.of_one_origin(EmbeddingModel(model.transformer, again), metrics, vectors, TRAIN)
    base = trained(name="baseline")
    with pytest.raises(StaleArtifactError, match="measured another"):
        Scorer.of_one_origin(base, metrics, vectors, TRAIN)
    later = PairEmbeddings(vectors.vectors, metrics.manifest.model_copy(update={"seed": 9}))
    with pytest.raises(StaleArtifactError, match="come from different measurements"):
        Scorer.of_one_origin(model, metrics, later, TRAIN)
    with pytest.raises(StaleArtifactError, match="was made from other train pairs"):
        Scorer.of_one_origin(model, metrics, vectors, TRAIN[:-1])


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ([0], "lora_metrics"),
        ([1], "lora_embeddings_train"),
        ([2], "train_pairs"),
        ([0, 1], "lora_metrics and no lora_embeddings_train"),
        ([0, 1, 2], "lora_metrics and no lora_embeddings_train and no train_pairs"),
    ],
)
def test_a_model_that_is_not_measured_says_what_is_missing_and_what_to_run(
    missing: list[int], named: str
) -> None:
    model = trained()
    parts: list[Any] = [*measured(model), TRAIN]
    for place in missing:
        parts[place] = None
    with pytest.raises(StaleArtifactError, match=f"^found no {named} beside the lora") as error:
        Scorer.of_one_origin(model, *parts)
    assert "kedro run --pipelines=baseline,evaluation" in str(error.value)


def test_a_model_that_is_not_there_says_what_to_run(tmp_path: Path) -> None:
    among = {
        "standard": {
            "type": "tuneproof.datasets.models.ModelDataset",
            "filepath": str(tmp_path / "standard_model"),
            "versioned": True,
        }
    }
    missing = ChosenModelDataset(choice="standard", among=among, setting="scoring_model")
    with pytest.raises(DatasetError) as error:
        missing.load()
    assert isinstance(error.value.__cause__, StaleArtifactError)
    assert "pipelines=baseline,training_standard,evaluation" in str(error.value.__cause__)
    assert not missing.exists()
    misspelt = ChosenModelDataset(choice="standrad", among=among, setting="scoring_model")
    with pytest.raises(
        DatasetError, match=r"expected one of standard\. Did you mean standard\?"
    ) as error:
        misspelt.load()
    assert isinstance(error.value.__cause__, TuneproofError)
    assert not misspelt.exists()


@pytest.mark.parametrize(
    ("filepath", "reason"),
    [(None, "new_pairs: found no file"), ("", "found no file"), ("gone.csv", "gone.csv: found no")],
)
def test_a_file_that_is_not_there_names_the_setting(filepath: str | None, reason: str) -> None:
    dataset = PairFileDataset(filepath=filepath, setting="new_pairs")
    with pytest.raises(DatasetError, match=reason) as error:
        dataset.load()
    assert isinstance(error.value.__cause__, InvalidPairsError)
    assert "--params=new_pairs=PATH" in str(error.value)


# That it is a stream


def dataset(folder: Path, version: Version = VERSION) -> ScoredPairsDataset:
    return ScoredPairsDataset(filepath=folder / "scored_pairs.jsonl", version=version)


def test_what_was_saved_loads_as_it_was_and_the_same_input_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    rows = [{**ROW, "text_1": "boy: ünï\u2028\u0085 </script> 🍰", "n": 10**30, "x": [0.1, None]}]
    file = write(tmp_path / "new.jsonl", rows)
    for place in ("a", "b"):
        dataset(tmp_path / place).save(score(file, trained()))
    loaded = dataset(tmp_path / "a").load()
    assert loaded is not None
    expected = score(file, trained())
    assert list(loaded.rows) == list(loaded.rows) == list(expected.rows)
    assert loaded.manifest == expected.manifest
    first, second = ((dataset(tmp_path / place).latest_path()).read_bytes() for place in "ab")
    assert first == second
    assert first.count(b"\n") == 1
    preview = dataset(tmp_path / "a").preview()
    assert preview["columns"][:2] == ["text_1", "text_2"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(n: int) -> int:
        path = tmp_path / f"{n}.jsonl"
        with path.open("w", encoding="utf-8") as lines:
            for row in numbered(n):
                lines.write(json.dumps(row) + "\n")
            lines.write("{}\n" * n)  # as many rows are set aside
        model = trained()
        cast(CountingModel, model.transformer).read = cast(Any, _Forgetful())
        tracemalloc.start()
        try:
            scored = score(PairFile(path), model, prepare=QUARANTINE)
            dataset(tmp_path / str(n)).save(scored)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # What the first run imports is not counted.
    list(score(write(tmp_path / "first.jsonl", [ROW]), trained()).rows)
    small, large = peak(300), peak(3_000)
    assert large < small + 100_000  # the scores of the larger file are 1 MB


class _Forgetful(list[str]):
    def __iadd__(self, more: Any) -> "_Forgetful":  # type: ignore[misc, override]
        return self


def test_scoring_that_is_killed_leaves_the_version_before_as_the_latest(tmp_path: Path) -> None:
    file = write(tmp_path / "new.jsonl", [ROW])
    dataset(tmp_path).save(score(file, trained()))
    code = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from kedro.io import Version
        from tuneproof.datasets.scoring import ScoredPairsDataset
        from tuneproof.scoring.records import ScoredPairs

        def rows():
            for n in range(100_000):
                yield {{"n": n}}
                if n == 50_000:
                    os.kill(os.getpid(), signal.SIGKILL)

        version = Version(None, "2026-01-02T00.00.00.000Z")
        path = Path({str(tmp_path)!r}) / "scored_pairs.jsonl"
        ScoredPairsDataset(filepath=path, version=version).save(ScoredPairs(rows(), None))
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    partial = list((tmp_path / "scored_pairs.jsonl").glob(".*.partial/*"))
    assert partial  # it was writing
    assert partial[0].stat().st_size > 0
    latest = ScoredPairsDataset(
        filepath=tmp_path / "scored_pairs.jsonl", version=Version(None, None)
    )
    assert latest.latest_path().parent.name == VERSION.save
    loaded = latest.load()
    assert loaded is not None
    assert len(list(loaded.rows)) == 1


def test_scoring_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "new.jsonl", list(numbered(200)))
    scored = score(file, trained())
    with file.path.open("a", encoding="utf-8") as more:
        more.write("{}\n")
    with pytest.raises(DatasetError, match="found other content"):
        dataset(tmp_path).save(scored)
    assert not list((tmp_path / "scored_pairs.jsonl").iterdir())
    assert not dataset(tmp_path, Version(None, None)).exists()
