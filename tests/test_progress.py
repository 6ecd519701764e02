"""A bar is seen where someone looks, when there is something to wait for, and not afterwards."""

import io

import numpy as np
import pytest

from tuneproof import progress
from tuneproof.metrics import uncertainty
from tuneproof.metrics.uncertainty import BootstrapOptions, bootstrap
from tuneproof.progress import progress_bar


class Screen(io.StringIO):
    """What was written, and what of the last line is still seen."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def line(self) -> str:
        seen = ""
        for written in self.getvalue().rpartition("\n")[2].split("\r"):
            seen = written + seen[len(written) :]
        return seen.strip()


def walk(monkeypatch: pytest.MonkeyPatch, terminal: bool, shown_after: float) -> Screen:
    screen = Screen(terminal)
    monkeypatch.setattr(progress, "SHOWN_AFTER", shown_after)
    monkeypatch.setattr("sys.stderr", screen)
    with progress_bar(4, "step", "walking") as bar:
        for _ in range(4):
            bar.update()
        bar.refresh()
    return screen


def test_a_terminal_shows_it_until_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = walk(monkeypatch, terminal=True, shown_after=0)
    assert "walking: 100%" in screen.getvalue()
    assert "4/4" in screen.getvalue()
    assert screen.line() == ""


def test_without_a_terminal_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert walk(monkeypatch, terminal=False, shown_after=0).getvalue() == ""


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr("sys.stderr", screen)
    with progress_bar(4, "step", "walking") as bar:
        for _ in range(4):
            bar.update()
    assert screen.getvalue() == ""


def test_resampling_counts_each_round_once(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0)
    monkeypatch.setattr(uncertainty, "_CHUNK", 600)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    drawn = bootstrap(
        lambda weights: {"rounds": weights.sum(axis=1)},
        np.arange(10),
        BootstrapOptions(rounds=250, seed=0),
    )
    assert len(drawn["rounds"]) == 250
    assert "resampling:   0%| " in screen.getvalue()
    assert "/250 " in screen.getvalue()
    assert screen.line() == ""
