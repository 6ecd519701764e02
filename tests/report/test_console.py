import io

from rich.console import Console

from tests.audit.examples import OPTIONS, pair, shipped
from tuneproof.audit.score import DataQualityScore, audit
from tuneproof.report.console import data_quality_table


def render(report: DataQualityScore) -> str:
    file = io.StringIO()
    Console(file=file, width=160, color_system=None).print(data_quality_table(report))
    return file.getvalue()


def test_the_table_shows_every_score_and_count() -> None:
    report = audit(shipped(), [], shipped()[:7], 0, OPTIONS)
    shown = render(report)
    for dimension in report.dimensions:
        assert dimension.name in shown
        for sub in dimension.sub_scores.values():
            line = next(line for line in shown.splitlines() if f" {sub.name} " in line)
            assert f" {sub.score:.1f} " in line
    assert "of 7 eval pairs" in shown
    assert f"Overall {report.overall:.1f} of 100, target 60 met" in shown
    assert "7 of 7 eval pairs stand in train" in shown


def test_a_score_that_does_not_apply_is_n_a() -> None:
    report = audit([pair("a", "b")], [], [], 0, OPTIONS)
    line = next(line for line in render(report).splitlines() if "Gender by label" in line)
    assert " n/a " in line


def test_markup_in_a_name_is_shown_and_not_read() -> None:
    pairs = [
        pair(category="[/x]", pair_type="[red]evil[/red]", label=1),
        pair(category="[bold", pair_type="[link=http://evil]here", label=0),
    ]
    shown = render(audit(pairs, [], [], 0, OPTIONS))
    for name in ("[/x]", "[red]evil[/red]", "[bold", "[link=http://evil]here"):
        assert name in shown
