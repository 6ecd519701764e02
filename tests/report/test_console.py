import io

from rich.console import Console
from rich.table import Table

from tests.audit.examples import audit_of, pair, permute_labels, sample
from tests.comparison.examples import N, measured, noisy
from tuneproof.audit.score import DataQualityScore
from tuneproof.comparison.records import HEADLINE_METRICS
from tuneproof.comparison.wording import with_span
from tuneproof.report.console import data_quality_table, headline_table


def draw(table: Table) -> str:
    file = io.StringIO()
    Console(file=file, width=160, color_system=None).print(table)
    return file.getvalue()


def render(report: DataQualityScore) -> str:
    return draw(data_quality_table(report))


def test_the_table_shows_every_score_and_count() -> None:
    report = audit_of(sample(), [], sample()[:7], 0)
    shown = render(report)
    for dimension in report.dimensions:
        assert dimension.name in shown
        for sub in dimension.sub_scores.values():
            line = next(line for line in shown.splitlines() if f" {sub.name} " in line)
            assert f" {sub.score:.1f} " in line
    assert "of 7 eval pairs" in shown
    assert f"Overall {report.overall:.1f} of 100, target 60 met" in shown
    assert "7 of 7 eval pairs stand in train" in shown
    for probe in report.probes:
        assert probe.name in shown
    assert "leakage (warn)" in shown
    assert "not passed" in shown


def test_the_caption_names_what_holds_the_score_down() -> None:
    report = audit_of(permute_labels(sample(), 0))
    assert f"of 100, target 60 missed; held down by {report.held_down_by[0]}" in render(report)


def test_the_table_shows_probes_label_errors_and_conflicts() -> None:
    training = [
        pair(f"boy: {'yes' if i % 2 else 'no'} {i}", f"girl: g{i}", int(i % 2 != (i == 0)))
        for i in range(80)
    ]
    evaluation = [pair(f"boy: {'yes' if i % 2 else 'no'} e{i}", f"f{i}", i % 2) for i in range(40)]
    conflict = [pair("same", "texts", label) for label in (0, 1)]
    shown = render(audit_of([*training, *conflict], [], evaluation))

    def line(name: str) -> list[str]:
        return next(line for line in shown.splitlines() if f"  {name} " in line).split()

    assert "1.000" in line("text_1 alone")
    assert "1" in line("train, likely wrong")
    assert "1" in line("under both labels")
    assert "2 rows in label conflicts, expected 0 at most" in shown


def test_a_score_that_does_not_apply_is_n_a() -> None:
    report = audit_of([pair("a", "b")], [], [], 0)
    line = next(line for line in render(report).splitlines() if "Gender by label" in line)
    assert " n/a " in line


def test_markup_in_a_name_is_shown_and_not_read() -> None:
    pairs = [
        pair(category="[/x]", pair_type="[red]evil[/red]", label=1),
        pair(category="[bold", pair_type="[link=http://evil]here", label=0),
    ]
    shown = render(audit_of(pairs, [], [], 0))
    for name in ("[/x]", "[red]evil[/red]", "[bold", "[link=http://evil]here"):
        assert name in shown


class TestHeadlineTable:
    def test_every_figure_stands_with_its_interval(self) -> None:
        models = [
            measured("baseline", noisy(0.1, 1)).metrics,
            measured("lora", noisy(0.5, 2), threshold=0.4).metrics,
        ]
        shown = draw(headline_table(models)).splitlines()

        def cells(name: str) -> list[str]:
            (line,) = [line for line in shown if f" {name} " in line]
            return [cell.strip() for cell in line.strip(" │┃").replace("┃", "│").split("│")]

        assert cells("Metric") == ["Metric", "baseline", "lora"]
        for metric, name in HEADLINE_METRICS.items():
            assert cells(name)[1:] == [
                with_span(getattr(m, metric), m.intervals[metric]) for m in models
            ]
        assert "[" in cells("AUC-ROC")[1]
        assert cells("False positives")[1:] == [str(m.decisions.false_positives) for m in models]
        assert cells("Threshold")[1:] == ["0.5000", "0.4000"]
        text = "\n".join(shown)
        assert f"{N} eval pairs: {N // 2} compatible, {N // 2} incompatible" in text

    def test_what_is_undefined_is_n_a(self) -> None:
        constant = measured("baseline", [0.6] * N, clusters=[[-1] * N] * 2).metrics
        shown = draw(headline_table([constant])).splitlines()
        for name in ("Spearman correlation", "Cohen's d", "Cluster purity (texts)"):
            (line,) = [line for line in shown if name in line]
            assert "n/a" in line
        (line,) = [line for line in shown if "AUC-ROC" in line]
        assert "0.500 no interval" in line

    def test_notes_stand_below_it_and_markup_in_them_is_not_read(self) -> None:
        metrics = measured("baseline", noisy(0.1, 1)).metrics
        note = "Warning: text_2 alone [0.900, 0.990] [red]reaches[/red] that AUC [/x]"
        assert note in " ".join(draw(headline_table([metrics], [note])).split())
