import subprocess
import sys

from matplotlib.colors import to_rgb

from tuneproof.charts.palette import (
    LABEL_COLOURS,
    model_colours,
    model_hatches,
    model_line_styles,
    model_markers,
)
from tuneproof.variants import VARIANTS

MODELS = ("baseline", *VARIANTS)
LOOKS = (model_colours, model_line_styles, model_markers, model_hatches)


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2, in [0, 1]."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_baseline_and_variants_look_the_same_in_any_company() -> None:
    for look in LOOKS:
        everyone = look(MODELS)
        for model in MODELS:
            assert look([model])[model] == everyone[model]
            assert look(["mine", *reversed(MODELS)])[model] == everyone[model]


def test_baseline_and_variants_differ_with_and_without_colour() -> None:
    for look in LOOKS:
        assert len(set(look(MODELS).values())) == len(MODELS)


def test_further_models_differ_from_the_known_ones_and_the_labels() -> None:
    colours = model_colours([*MODELS, "mine", "yours"])
    known = {to_rgb(colour) for colour in (*colours.values(), *LABEL_COLOURS.values())}
    assert len(known) == len(MODELS) + 2 + 2


def test_every_model_can_be_seen_on_white() -> None:
    for colour in model_colours([*MODELS, "mine", "yours"]).values():
        assert 1.05 / (luminance(colour) + 0.05) > 2


def test_more_models_than_looks_still_have_one() -> None:
    many = [f"model_{number}" for number in range(20)]
    for look in LOOKS:
        assert set(look(many)) == set(many)


def test_no_drawing_library_is_loaded() -> None:
    code = (
        "import sys, tuneproof.charts.palette;"
        "sys.exit(bool({'matplotlib', 'seaborn', 'plotly', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
