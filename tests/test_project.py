"""What the project says of itself: versions, citation, changelog, hooks, how to contribute."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tuneproof

from .documents import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
PINNED = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE
    )
}
REQUIREMENTS = [
    Requirement(line)
    for line in [
        *PROJECT["dependencies"],
        *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
    ]
]


def load_yaml(name: str) -> dict[str, Any]:
    found = yaml.safe_load((ROOT / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def test_there_is_one_version() -> None:
    assert tuneproof.__version__ == PROJECT["version"]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    if requirement.name == PROJECT["name"]:
        assert requirement.extras <= set(PROJECT["optional-dependencies"])
        return
    assert PINNED[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_citation_says_what_the_package_says() -> None:
    citation = load_yaml("CITATION.cff")
    # All that schema 1.2.0 requires.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"].lower() == PROJECT["name"]
    assert citation["abstract"] == PROJECT["description"]
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    holders = re.findall(
        r"^Copyright \(c\) \d+ (.+)$", (ROOT / "LICENSE").read_text("utf-8"), re.MULTILINE
    )
    assert [author["name"] for author in citation["authors"]] == holders


def test_the_changelog_tells_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert PROJECT["version"] in text
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def hooks() -> list[dict[str, Any]]:
    return [
        hook for each in load_yaml(".pre-commit-config.yaml")["repos"] for hook in each["hooks"]
    ]


def test_hooks_run_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert recipe
    checks = re.findall(r"\$\(BIN\)/(ruff \w+|[\w-]+)", recipe[1])
    assert checks
    entries = [hook["entry"] for hook in hooks()]
    assert not [check for check in checks if not any(e.startswith(check) for e in entries)]


def test_hooks_have_the_versions_that_the_tests_passed_with() -> None:
    """Hooks of language `system` run the environment's own, which constraints.txt pins."""
    compared = set()
    for hook in hooks():
        assert hook["language"] in {"python", "system"}
        needed = [*map(Requirement, hook.get("additional_dependencies", []))]
        assert bool(needed) == (hook["language"] == "python"), hook["id"]
        for requirement in needed:
            (pin,) = requirement.specifier
            assert pin.operator == "=="
            if requirement.name in PINNED:
                assert pin.version == PINNED[canonicalize_name(requirement.name)]
                compared.add(requirement.name)
    assert "ruff" in compared
    assert {"mypy", "import-linter"} <= set(PINNED)


def names_in_code(page: Path) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", page.read_text("utf-8")))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_files_and_names_that_a_paper_tells_of_are_there(page: str) -> None:
    named = names_in_code(ROOT / page)
    places = [ROOT, ROOT / "src" / "tuneproof", ROOT / "tests"]
    paths = {n for n in named if re.fullmatch(r"[\w.*/-]+(\.(py|md|yml|toml|txt)|/)", n)}
    assert paths
    missing = {p for p in paths if "/" in p and not any(list(at.glob(p)) for at in places)}
    assert not missing
    code = "".join(
        path.read_text("utf-8")
        for folder, kind in (("src", "py"), ("tests", "py"), ("conf", "yml"))
        for path in sorted((ROOT / folder).rglob(f"*.{kind}"))
    )
    # Constants, classes, functions and endings of several words.
    identifiers = {
        n for n in named if re.fullmatch(r"_?[A-Za-z]+_[A-Za-z_]+|[A-Z][a-z]+[A-Z]\w+", n)
    }
    assert not {n for n in identifiers if n not in code}


def test_contributing_shows_the_floors_as_they_are_checked() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## The floors")[2]
    rows = re.findall(r"^\| (`.+?) \|", text.partition("\n## ")[0], re.MULTILINE)
    shown = [set(re.findall(r"`(\w+)`", row)) for row in rows]
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    checked = [set(layer.split(" | ")) for layer in layers]
    start = checked.index(shown[0])
    assert shown == checked[start : start + len(shown)]
