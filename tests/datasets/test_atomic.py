"""Saving is all or nothing, and what was saved loads unchanged."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError, Version
from matplotlib.figure import Figure

from tuneproof.datasets.atomic import AtomicDataset
from tuneproof.datasets.documents import ChartDataset, HtmlDataset, TextDataset
from tuneproof.datasets.embeddings import EmbeddingsDataset
from tuneproof.datasets.raw_lines import InputFileDataset, RawLinesDataset
from tuneproof.datasets.records import RecordDataset, RecordLinesDataset
from tuneproof.datasets.scoring import PairFileDataset
from tuneproof.datasets.table import TableDataset
from tuneproof.encoding import PairEmbeddings
from tuneproof.errors import StaleArtifactError
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.pairs import DatingPair

VERSION = Version(None, "2026-01-01T00.00.00.000Z")
MANIFEST = Manifest(
    base_model=ModelIdentity(name="tiny", revision=None, sha256="a" * 64),
    pairs={"eval": "b" * 64},
    parameters={"batch_size": 4},
    seed=1,
    environment=Environment(python="3.11", libraries={"numpy": "2"}, git_commit=None),
)
SCORES = {
    "split": "eval",
    "row": 0,
    "text_1": "a",
    "text_2": "b",
    "label": 1,
    "category": "c",
    "subcategory": "s",
    "pair_type": "p",
    "group": 0,
    "leak_level": "none",
    "shares_text": False,
    "clean": True,
    "unseen_subcategory": False,
    "cosine": 0.1 + 0.2,
    "probability": 0.5,
    "swapped_cosine": 0.2,
    "nearest_train_row": 3,
    "nearest_train_similarity": 1 / 3,
}


def pair(text: str = "boy: tea") -> DatingPair:
    return DatingPair(
        text_1=text, text_2="girl: a", label=1, category="c", subcategory="s", pair_type="p"
    )


def text_dataset(folder: Path, save: str | None = None) -> TextDataset:
    return TextDataset(filepath=folder / "note.txt", version=Version(None, save))


def test_each_save_is_a_version_and_load_takes_the_latest(tmp_path: Path) -> None:
    text_dataset(tmp_path, "2026-01-01").save("old")
    text_dataset(tmp_path, "2026-01-02").save("new")
    assert text_dataset(tmp_path).load() == "new"
    pinned = TextDataset(filepath=tmp_path / "note.txt", version=Version("2026-01-01", None))
    assert pinned.load() == "old"


class FailingDataset(AtomicDataset[str]):
    """Writes half of its data and fails."""

    def _read(self, path: Path) -> str:
        return path.read_text()

    def _write(self, data: str, path: Path) -> None:
        path.write_text(data[: len(data) // 2])
        raise OSError("disk full")


def test_a_failed_save_leaves_no_version_and_no_partial_folder(tmp_path: Path) -> None:
    text_dataset(tmp_path, "2026-01-01").save("whole")
    failing = FailingDataset(filepath=tmp_path / "note.txt", version=Version(None, "2026-01-02"))
    with pytest.raises(DatasetError, match="disk full"):
        failing.save("never whole")
    assert text_dataset(tmp_path).load() == "whole"
    assert [path.name for path in (tmp_path / "note.txt").iterdir()] == ["2026-01-01"]


def test_a_save_killed_half_way_never_becomes_the_latest_version(tmp_path: Path) -> None:
    text_dataset(tmp_path, "2026-01-01").save("whole")
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from kedro.io import Version
        from tuneproof.datasets.atomic import AtomicDataset

        class Killed(AtomicDataset[str]):
            def _read(self, path):
                return path.read_text()

            def _write(self, data, path):
                path.write_text(data[:3])
                os.kill(os.getpid(), signal.SIGKILL)

        Killed(
            filepath=Path(sys.argv[1]) / "note.txt", version=Version(None, "2026-01-02")
        ).save("never whole")
        """
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    remains = list((tmp_path / "note.txt").glob(".*.partial/note.txt"))
    assert [path.read_text() for path in remains] == ["nev"], "the fault was not injected"
    latest = text_dataset(tmp_path)
    assert latest.load() == "whole"
    assert latest.list_versions(full_path=False) == ["2026-01-01"]


def test_the_same_version_is_never_written_twice(tmp_path: Path) -> None:
    text_dataset(tmp_path, "2026-01-01").save("first")
    with pytest.raises(DatasetError, match="must not exist"):
        text_dataset(tmp_path, "2026-01-01").save("second")
    assert text_dataset(tmp_path).load() == "first"


def test_only_an_optional_dataset_loads_none_where_nothing_was_saved(tmp_path: Path) -> None:
    optional = TextDataset(filepath=tmp_path / "note.txt", version=VERSION, optional=True)
    assert optional.load() is None
    assert not optional.exists()
    with pytest.raises(DatasetError, match=r"note\.txt"):
        text_dataset(tmp_path).load()


def test_an_unversioned_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="versioned: true"):
        TextDataset(filepath=tmp_path / "note.txt")


@pytest.mark.parametrize("text", ["", "two\nlines\r\n", "żółć 🫖", "[/bold]"])
def test_texts_and_pages_come_back_to_the_letter(tmp_path: Path, text: str) -> None:
    page = HtmlDataset(filepath=tmp_path / "page.html", version=VERSION)
    page.save(text)
    assert page.latest_path().read_bytes() == text.encode()


def test_a_record_comes_back_equal_and_another_type_is_refused(tmp_path: Path) -> None:
    dataset = RecordDataset(
        filepath=tmp_path / "m.json", model="tuneproof.manifest.Manifest", version=VERSION
    )
    with pytest.raises(DatasetError, match=r"found DatingPair, expected tuneproof\.manifest"):
        dataset.save(pair())
    assert not dataset.exists()
    dataset.save(MANIFEST)
    assert dataset.load() == MANIFEST


def test_a_record_of_another_version_is_told_from_a_broken_one(tmp_path: Path) -> None:
    dataset = RecordDataset(
        filepath=tmp_path / "m.json", model="tuneproof.manifest.Manifest", version=VERSION
    )
    dataset.save(MANIFEST)
    earlier = json.loads(MANIFEST.model_dump_json())
    del earlier["base_model"], earlier["environment"]["python"]
    dataset.latest_path().write_text(json.dumps(earlier), encoding="utf-8")
    with pytest.raises(DatasetError) as error:
        dataset.load()
    cause = error.value.__cause__
    assert isinstance(cause, StaleArtifactError)
    told = "base_model: field required, and 1 more; another version of Tuneproof saved it"
    assert f"{dataset.latest_path()}: {told}" in str(cause)


def test_record_lines_keep_order_unknown_fields_and_unicode(tmp_path: Path) -> None:
    dataset = RecordLinesDataset(
        filepath=tmp_path / "p.jsonl", model="tuneproof.pairs.DatingPair", version=VERSION
    )
    extra = DatingPair.model_validate({**pair().model_dump(), "weight": 0.1, "note": "żółć\u2028"})
    dataset.save([extra, pair("girl: b")])
    assert dataset.load() == [extra, pair("girl: b")]
    assert len(dataset.latest_path().read_bytes().splitlines()) == 2
    preview = dataset.preview(nrows=1)
    assert preview["data"][0][preview["columns"].index("weight")] == 0.1


def test_an_empty_list_of_records_is_a_version(tmp_path: Path) -> None:
    dataset = RecordLinesDataset(
        filepath=tmp_path / "p.jsonl", model="tuneproof.pairs.RejectedRow", version=VERSION
    )
    dataset.save([])
    assert dataset.load() == []


def table(folder: Path) -> TableDataset:
    return TableDataset(
        filepath=folder / "s.parquet",
        schema="tuneproof.measurement.frames.PAIR_SCORES",
        version=VERSION,
    )


def scores_frame() -> pd.DataFrame:
    from tuneproof.measurement.frames import PAIR_SCORES

    return pd.DataFrame([SCORES, {**SCORES, "row": 1}]).astype(dict(PAIR_SCORES))


def test_a_table_keeps_types_and_every_bit_of_its_floats(tmp_path: Path) -> None:
    dataset = table(tmp_path)
    dataset.save(scores_frame())
    loaded = dataset.load()
    assert loaded is not None
    pd.testing.assert_frame_equal(loaded, scores_frame(), check_exact=True)
    assert dataset.preview(nrows=1)["data"] == [list(SCORES.values())]


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.drop(columns="cosine"),
        lambda frame: frame.assign(extra=1),
        lambda frame: frame.astype({"cosine": "float32"}),
        lambda frame: frame[frame.columns[::-1]],
    ],
    ids=["missing", "extra", "type", "order"],
)
def test_a_table_with_another_schema_is_refused(tmp_path: Path, change: object) -> None:
    assert callable(change)
    dataset = table(tmp_path)
    with pytest.raises(DatasetError, match=r"expected .*PAIR_SCORES"):
        dataset.save(change(scores_frame()))
    assert not dataset.exists()


def test_embeddings_are_a_plain_npy_file_with_a_manifest(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
    dataset = EmbeddingsDataset(filepath=tmp_path / "e.npy", version=VERSION)
    dataset.save(PairEmbeddings(vectors, MANIFEST))
    np.testing.assert_array_equal(np.load(dataset.latest_path(), allow_pickle=False), vectors)
    loaded = dataset.load()
    assert loaded is not None
    np.testing.assert_array_equal(loaded.vectors, vectors)
    assert loaded.manifest == MANIFEST


def test_embeddings_that_hold_a_pickle_are_refused(tmp_path: Path) -> None:
    dataset = EmbeddingsDataset(filepath=tmp_path / "e.npy", version=VERSION)
    dataset.save(PairEmbeddings(np.zeros((1, 2, 4), dtype=np.float32), MANIFEST))
    np.save(dataset.latest_path(), np.array([os.system], dtype=object), allow_pickle=True)
    with pytest.raises(DatasetError, match="allow_pickle"):
        dataset.load()


def test_a_chart_is_a_png_of_the_figures_size(tmp_path: Path) -> None:
    figure = Figure(figsize=(3, 2), dpi=100)
    figure.subplots().plot([0, 1], [1, 0])
    dataset = ChartDataset(filepath=tmp_path / "c.png", version=VERSION)
    dataset.save(figure)
    content = dataset.latest_path().read_bytes()
    assert content.startswith(b"\x89PNG")
    assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (300, 200)
    loaded = dataset.load()
    assert loaded is not None
    assert loaded.get_size_inches() * loaded.dpi == pytest.approx([300, 200])


@pytest.mark.parametrize("kind", [RawLinesDataset, PairFileDataset])
def test_input_names_its_file_and_the_setting_when_it_is_missing(
    kind: type[InputFileDataset[Any]], tmp_path: Path
) -> None:
    dataset = kind(filepath=tmp_path / "pairs.jsonl", setting="train_pairs")
    with pytest.raises(DatasetError, match=r"pairs\.jsonl: found no readable file.*train_pairs="):
        dataset.load()
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="read only"):
        dataset.save(cast(Any, "x"))


@pytest.mark.parametrize("kind", [RawLinesDataset, PairFileDataset])
def test_input_is_found_in_the_home_folder(
    kind: type[InputFileDataset[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pairs.jsonl").touch()
    assert kind(filepath="~/pairs.jsonl", setting="train_pairs").exists()


def test_raw_lines_are_the_bytes_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"\xff\n")
    assert RawLinesDataset(filepath=path, setting="train_pairs").load().content == b"\xff\n"
