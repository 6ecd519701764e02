"""What kedro-viz shows of artifacts: short, plain, and empty where there is nothing."""

import base64
import inspect
import json
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import AbstractDataset, Version
from matplotlib.figure import Figure

from tuneproof.datasets.documents import ChartDataset, HtmlDataset, TextDataset
from tuneproof.datasets.embeddings import EmbeddingsDataset
from tuneproof.datasets.models import AdapterDataset, BaseModelDataset, ModelDataset
from tuneproof.datasets.partitions import GrowingDataset
from tuneproof.datasets.previews import preview_record, preview_rows, preview_text
from tuneproof.datasets.raw_lines import InputFileDataset, RawLinesDataset
from tuneproof.datasets.records import RecordDataset, RecordLinesDataset
from tuneproof.datasets.releases import ReleaseDataset
from tuneproof.datasets.scoring import PairFileDataset
from tuneproof.datasets.table import TableDataset
from tuneproof.encoding import PairEmbeddings
from tuneproof.manifest import Environment, Manifest, ModelIdentity
from tuneproof.pairs import DatingPair

NEW = Version(None, "2026-01-01T00.00.00.000Z")
UNKNOWN = Version(None, None)
SCHEMA = {"name": "object", "score": "float64"}
PLAIN = {"TablePreview", "JSONPreview", "TextPreview", "ImagePreview"}
"""What kedro-viz shows without reading markup in it."""

MANIFEST = Manifest(
    base_model=ModelIdentity(name="tiny", revision=None, sha256="a" * 64),
    pairs={"eval": "b" * 64},
    parameters={"batch_size": 4},
    seed=1,
    environment=Environment(python="3.11", libraries={"numpy": "2"}, git_commit=None),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=70) | st.dictionaries(st.text(), inner, max_size=70),
    max_leaves=200,
)


class Previewed(Protocol):
    def preview(self) -> Any: ...


def preview(dataset: AbstractDataset[Any, Any]) -> Any:
    return cast(Previewed, dataset).preview()


def pair(text: str) -> DatingPair:
    return DatingPair(
        text_1=text, text_2="girl: a", label=1, category="c", subcategory="s", pair_type="p"
    )


def datasets(folder: Path, version: Version) -> dict[str, AbstractDataset[Any, Any]]:
    """One of each kind that is saved, in a folder."""
    pair_type = "tuneproof.pairs.DatingPair"
    at: dict[str, Any] = {"version": version}
    return {
        "chart": ChartDataset(filepath=folder / "chart.png", **at),
        "text": TextDataset(filepath=folder / "note.txt", **at),
        "page": HtmlDataset(filepath=folder / "page.html", **at),
        "record": RecordDataset(filepath=folder / "pair.json", model=pair_type, **at),
        "lines": RecordLinesDataset(filepath=folder / "pairs.jsonl", model=pair_type, **at),
        "table": TableDataset(filepath=folder / "t.parquet", schema=f"{__name__}.SCHEMA", **at),
        "embeddings": EmbeddingsDataset(filepath=folder / "e.npy", **at),
        "model": ModelDataset(filepath=folder / "model", **at),
        "adapter": AdapterDataset(filepath=folder / "adapter", base_model="tiny", **at),
        "release": ReleaseDataset(filepath=folder / "release", base_model="tiny", **at),
    }


def saved(folder: Path, kind: str, data: Any) -> AbstractDataset[Any, Any]:
    """A dataset that was saved; previewed by another instance, as kedro-viz does."""
    datasets(folder, NEW)[kind].save(data)
    return datasets(folder, UNKNOWN)[kind]


@pytest.mark.parametrize("kind", datasets(Path(), UNKNOWN))
def test_nothing_is_shown_of_what_is_not_there(kind: str, tmp_path: Path) -> None:
    shown = preview(datasets(tmp_path, UNKNOWN)[kind])
    assert shown in ("", {"index": [], "columns": [], "data": []})


@pytest.mark.parametrize(
    "dataset",
    [
        *map(type, datasets(Path(), UNKNOWN).values()),
        RawLinesDataset,
        PairFileDataset,
        BaseModelDataset,
        GrowingDataset,
    ],
)
def test_no_preview_is_read_as_markup(dataset: type[Previewed]) -> None:
    annotation = inspect.signature(dataset.preview).return_annotation
    assert annotation.__name__ in PLAIN


def test_a_chart_is_shown_as_it_was_saved(tmp_path: Path) -> None:
    dataset = saved(tmp_path, "chart", Figure(figsize=(2, 1)))
    (file,) = tmp_path.glob("chart.png/*/chart.png")
    assert base64.b64decode(preview(dataset)) == file.read_bytes()


def test_a_table_shows_its_first_rows_and_none_for_what_is_not_a_number(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": [f"n{i}" for i in range(30)], "score": [np.nan, *range(29)]})
    shown = preview(saved(tmp_path, "table", frame.astype(SCHEMA)))
    assert shown["columns"] == ["name", "score"]
    assert shown["data"][:2] == [["n0", None], ["n1", 0.0]]
    assert len(shown["data"]) == len(shown["index"]) == 20
    json.dumps(shown, allow_nan=False)


def test_a_table_without_rows_shows_none(tmp_path: Path) -> None:
    shown = preview(
        saved(tmp_path, "table", pd.DataFrame({"name": [], "score": []}, dtype="O").astype(SCHEMA))
    )
    assert shown["data"] == []


def test_records_show_their_first_rows_without_the_rest_being_read(tmp_path: Path) -> None:
    dataset = saved(tmp_path, "lines", [pair(f"boy: {i}") for i in range(25)])
    (file,) = tmp_path.glob("pairs.jsonl/*/pairs.jsonl")
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines[:20], "not JSON"]), encoding="utf-8")
    assert [row[0] for row in preview(dataset)["data"]] == [f"boy: {i}" for i in range(20)]


def test_texts_of_pairs_are_shown_as_they_are(tmp_path: Path) -> None:
    hostile = 'boy: </td><img src=x onerror=alert(1)> [a](b" onmouseover="c)'
    assert preview(saved(tmp_path, "lines", [pair(hostile)]))["data"][0][0] == hostile
    assert json.loads(preview(saved(tmp_path, "record", pair(hostile))))["text_1"] == hostile


def test_embeddings_show_shape_and_origin(tmp_path: Path) -> None:
    embeddings = PairEmbeddings(np.zeros((3, 2, 4), np.float32), MANIFEST)
    shown = json.loads(preview(saved(tmp_path, "embeddings", embeddings)))
    assert shown == {"shape": [3, 2, 4], "manifest": MANIFEST.model_dump(mode="json")}


@pytest.mark.parametrize("kind", ["model", "adapter"])
def test_a_model_shows_its_origin_without_being_loaded(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / kind / "2026-01-01T00.00.00.000Z" / kind
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(MANIFEST.model_dump_json(), encoding="utf-8")
    shown = json.loads(preview(datasets(tmp_path, UNKNOWN)[kind]))
    assert shown == MANIFEST.model_dump(mode="json")


def test_a_release_shows_its_card(tmp_path: Path) -> None:
    folder = tmp_path / "release" / "2026-01-01T00.00.00.000Z" / "release"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("# A card\n", encoding="utf-8")
    assert preview(datasets(tmp_path, UNKNOWN)["release"]) == "# A card\n"


def test_the_base_model_shows_its_name_without_being_loaded() -> None:
    shown = BaseModelDataset(name="no such model", revision="main").preview()
    assert json.loads(shown) == {"name": "no such model", "revision": "main", "device": "auto"}


def test_a_page_shows_the_words_that_are_read_first(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title>Report</title><style>p { color: red }</style>
        <script>const pairs = "</p>secret";</script></head><body><nav><a>Data</a></nav>
        <h1>It <b>did</b> help</h1><p>AUC 0.9 &lt;b&gt;</p><svg><text>axis</text></svg>
        <table><tr><td>LoRA</td><td>0.8</td></tr></table></body></html>"""
    shown = preview(saved(tmp_path, "page", page))
    assert shown.splitlines() == ["Report", "It did help", "AUC 0.9 <b>", "LoRA", "0.8"]


def test_of_a_large_page_only_the_beginning_is_read(tmp_path: Path) -> None:
    page = "<p>first</p>" + "<p>word</p>" * 500_000
    shown = preview(saved(tmp_path, "page", page))
    assert shown.startswith("first\nword\n")
    assert len(shown) <= 4_000


@pytest.mark.parametrize("kind", [RawLinesDataset, PairFileDataset])
def test_a_raw_file_shows_its_first_lines_whatever_they_hold(
    kind: type[InputFileDataset[Any]], tmp_path: Path
) -> None:
    file = tmp_path / "pairs.jsonl"
    dataset = kind(filepath=file, setting="train_pairs")
    assert dataset.preview() == ""
    file.write_bytes(b'{"a": 1}\n\xff\xfe no JSON\n' + b"x\n" * 100)
    assert dataset.preview().splitlines()[:3] == ['{"a": 1}', "\ufffd\ufffd no JSON", "x"]
    assert len(dataset.preview().splitlines()) == 20
    file.write_bytes(b"x" * 10_000_000)
    assert len(dataset.preview()) < 11_000


def test_a_growing_folder_shows_how_much_there_is_and_the_first_records(tmp_path: Path) -> None:
    kind = {"type": RecordDataset, "model": "tuneproof.pairs.DatingPair", "versioned": True}
    folder = GrowingDataset(path=str(tmp_path), dataset=kind, filename_suffix=".json")
    assert json.loads(folder.preview()) == {"records": 0, "first": {}}
    folder.save({f"run{i}": pair(f"boy: {i}") for i in range(5)})
    shown = json.loads(folder.preview())
    assert shown["records"] == 5
    assert [record["text_1"] for record in shown["first"].values()] == [
        "boy: 0",
        "boy: 1",
        "boy: 2",
    ]


@given(json_values)
def test_a_record_is_shortened_and_stays_json(value: Any) -> None:
    def check(shown: Any, whole: Any) -> None:
        if isinstance(whole, list):
            assert len(shown) <= 51
            for left, right in zip(shown, whole[:50], strict=False):
                check(left, right)
        elif isinstance(whole, dict):
            assert len(shown) <= 51
            for name in list(whole)[:50]:
                if name != "...":
                    check(shown[name], whole[name])
        else:
            assert shown == whole

    check(json.loads(preview_record(value)), value)


def test_what_is_cut_says_how_much() -> None:
    assert json.loads(preview_record(list(range(60))))[-1] == "... 10 more"
    assert json.loads(preview_record({str(i): i for i in range(60)}))["..."] == "10 more"
    assert json.loads(preview_record("x" * 510)).endswith(" ... 10 more characters")
    assert preview_rows([{"a": "x" * 510}])["data"][0][0].endswith(" ... 10 more characters")
    assert preview_text("x" * 10_010).endswith(" ... 10 more characters")
