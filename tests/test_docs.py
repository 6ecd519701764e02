"""The documents: the site builds, needs no network, and says what the code does."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from .browsing import chromium, served
from .documents import DOCS, ROOT, code_blocks, run_code

PAGES = sorted(DOCS.rglob("*.md"))
OUTSIDE = sorted(
    [*ROOT.glob("*.md"), ROOT / "conf" / "README.md", ROOT / "notebooks" / "README.md"]
)
GUIDES = [DOCS / "tutorial.md", *sorted((DOCS / "how_to").glob("*.md"))]
CONCEPTS = sorted((DOCS / "concepts").glob("*.md"))
DECISIONS = sorted((DOCS / "adr").glob("*.md"))


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# The site


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The build of the site; its folder is the last argument."""
    site = tmp_path_factory.mktemp("site")
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        # The theme would speak of its own future, which is no fault of the pages.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(built: subprocess.CompletedProcess[str]) -> Path:
    if built.returncode:
        pytest.fail(built.stderr)
    return Path(built.args[-1])


def test_the_site_builds_without_a_warning(built: subprocess.CompletedProcess[str]) -> None:
    said = built.stdout + built.stderr
    assert built.returncode == 0, said
    assert "WARNING" not in said, said


def test_every_page_is_built(site: Path) -> None:
    for page in PAGES:
        assert (site / page.relative_to(DOCS).with_suffix(".html")).exists()


def test_every_module_stands_in_the_reference(site: Path) -> None:
    text = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    package = ROOT / "src" / "tuneproof"
    modules = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
    }
    # Entry points of Kedro, which nobody calls.
    modules -= {"tuneproof", "tuneproof.__main__", "tuneproof.settings"}
    assert not sorted(module for module in modules if f'id="{module}"' not in text)


def test_no_list_is_swallowed_by_the_paragraph_before_it(site: Path) -> None:
    for page in site.rglob("*.html"):
        for paragraph in re.findall(r"<p>(.*?)</p>", page.read_text("utf-8"), re.DOTALL):
            assert not re.search(r"\n\s*([-*]|\d\.) ", paragraph), (page, paragraph)


class Loaded(HTMLParser):
    """Gathers what a page loads by itself: everything but links that a reader follows."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for attribute, value in attrs:
            if attribute in {"src", "srcset", "data", "poster"} or (
                attribute == "href" and tag != "a"
            ):
                self.addresses.append(value or "")


def test_no_page_names_something_to_load_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert loaded.addresses
        assert not [a for a in loaded.addresses if re.match(r"(\w+:)?//", a)], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(\w+:)?//", style.read_text("utf-8")), style


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a server of its own."""
    with served(site) as address:
        yield address


def test_a_browser_asks_nobody_else_and_finds_what_is_searched(address: str) -> None:
    requests, faults = [], []
    with chromium() as browser:
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        for path in ("index", "tutorial", "training", "results", "reference/metrics"):
            page.goto(f"{address}/{path}.html", wait_until="networkidle")
        page.goto(f"{address}/index.html")
        page.locator("input[name=query]").first.click()
        page.locator("input[name=query]").first.type("anisotropy")
        page.locator(".md-search-result__item").first.wait_for(timeout=20_000)
        found = page.locator(".md-search-result__item").all_inner_texts()
    assert any("Collapse" in text for text in found)
    assert requests
    assert not [url for url in requests if not url.startswith((address, "data:", "blob:"))]
    assert not faults


# What the pages say


@pytest.mark.parametrize("page", OUTSIDE, ids=name)
def test_links_outside_of_the_site_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not re.match(r"\w+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", CONCEPTS, ids=name)
def test_the_code_of_a_concept_runs(page: Path) -> None:
    run_code(page, {})


@pytest.mark.parametrize("page", CONCEPTS, ids=name)
def test_a_concept_says_how_to_read_it_how_it_misleads_and_its_source(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert headings[:2] == ["How to read it here", "How it misleads"]
    assert headings[2:] in (["Source"], ["Sources"])


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_context_decision_alternatives_and_consequences(page: Path) -> None:
    text = page.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    expected = ["Context", "Decision", "Alternatives", "Consequences"]
    assert [heading for heading in headings if heading in expected] == expected
    assert text.startswith(f"# {page.name[:3]} ")


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    """The default parameters, globals and what only the catalog asks of a run among them."""
    files = sorted((ROOT / "conf" / "base").glob("*.yml"))
    asked = {n for f in files for n in re.findall(r"runtime_params:(\w+)", f.read_text("utf-8"))}
    defaults = [f for f in files if f.name.startswith(("globals", "parameters_"))]
    merged = OmegaConf.merge(dict.fromkeys(asked), *map(OmegaConf.load, defaults))
    found = OmegaConf.to_container(merged, resolve=False)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def kedro_runs() -> list[tuple[str, str]]:
    """Each `kedro run`, or `--params` alone, of the documents, with the page it stands on."""
    return [
        (name(page), command.rstrip("."))
        for page in [*PAGES, *OUTSIDE]
        for command in re.findall(r"(?:\bkedro run\b|--params=)[^\n`|)]*", page.read_text("utf-8"))
    ]


def test_commands_name_pipelines_environments_and_parameters_that_exist(
    parameters: dict[str, Any],
) -> None:
    from tuneproof.pipeline_registry import register_pipelines

    registered = set(register_pipelines())
    environments = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
    checked = 0
    for page, command in kedro_runs():
        for option, _, value in (word.partition("=") for word in shlex.split(command)):
            # Written in capitals, it stands for what the reader puts there.
            if not value or value.isupper():
                continue
            checked += 1
            if option in {"--pipelines", "--pipeline"}:
                assert set(value.split(",")) <= registered, (page, command)
            elif option == "--env":
                told_to_write = f"conf/{value}/" in (ROOT / page).read_text("utf-8")
                assert value in environments or told_to_write, (page, command)
            elif option == "--params":
                for assignment in value.split(","):
                    assert_known(assignment.partition("=")[0], parameters, f"{page}: {command}")
    assert checked > 30


def assert_known(dotted: str, parameters: Mapping[str, Any], where: str) -> None:
    value: Any = parameters
    for key in dotted.split("."):
        assert key in value, f"{where}: no parameter {dotted}"
        value = value[key]


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_configuration_that_a_guide_shows_has_known_keys(
    page: Path, parameters: dict[str, Any]
) -> None:
    def check(shown: Any, known: Any, path: str) -> None:
        if isinstance(shown, dict) and isinstance(known, dict):
            for key, value in shown.items():
                assert key in known, f"{name(page)}: {path}{key}"
                check(value, known[key], f"{path}{key}.")

    for block in code_blocks(page, "yaml"):
        check(OmegaConf.to_container(OmegaConf.create(block)), parameters, "")


def test_the_tutorial_shows_the_first_pairs() -> None:
    (shown,) = code_blocks(DOCS / "tutorial.md", "json")
    pairs = (ROOT / "data" / "01_raw" / "dating_pairs.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in shown.splitlines()] == list(map(json.loads, pairs[:2]))


def test_the_readme_gives_rows_of_the_results() -> None:
    """Each row of its tables stands in the table of the same pairs on the page of results."""
    readme = (ROOT / "README.md").read_text("utf-8")
    found = readme[readme.index("## What it finds") : readme.index("## Load what")]
    published, shipped = found.split("On the **shipped pairs**")
    results = (DOCS / "results.md").read_text("utf-8")
    of_shipped, of_published = results.split("## The published pairs")
    for told, known in ((published, of_published), (shipped, of_shipped)):
        rows = [row for row in told.splitlines() if row.startswith("| ")]
        assert len(rows) > 7
        assert set(rows) - {"| | baseline | standard | LoRA |"} <= set(known.splitlines())
