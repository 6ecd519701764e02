import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from tests.charts.drawing import bars, collisions, cut_off, projection, texts
from tuneproof.charts.clusters import ClusterPurities, cluster_purities, umap_projections
from tuneproof.charts.palette import LABEL_COLOURS

FOUND = ClusterPurities(
    clusters=[(0, 10, 0.6), (1, 4, 1.0)],
    noise=6,
    cluster_purity=10 / 14,
    interval=(0.62, 0.81),
    chance=0.68,
    majority_share=0.55,
)
ALL_NOISE = ClusterPurities(
    clusters=[], noise=5, cluster_purity=None, interval=None, chance=None, majority_share=0.6
)


def drawn_texts(axes: Axes) -> PathCollection:
    (points,) = (drawn for drawn in axes.collections if isinstance(drawn, PathCollection))
    return points


def quadrant(path: Path) -> tuple[bool, bool]:
    """Return whether a glyph lies right of its place, and whether above it."""
    across, up = np.asarray(path.vertices).sum(axis=0)
    return across > 0, up > 0


class TestUmap:
    @pytest.mark.parametrize("models", [("baseline",), ("baseline", "standard", "lora", "other")])
    def test_every_text_is_a_point_and_pair_vectors_are_none(self, models: tuple[str, ...]) -> None:
        figure = umap_projections({model: projection(20) for model in models})
        assert len(figure.axes) == len(models)
        for axes, model in zip(figure.axes, models, strict=True):
            assert axes.get_title() == f"{model}, 40 points, two a pair"
            assert len(np.asarray(drawn_texts(axes).get_offsets())) == 40
        assert not collisions(figure)
        assert not cut_off(figure)

    def test_place_colour_and_quarter_are_those_of_the_text(self) -> None:
        frame = projection(20).query("points != 'pair'")
        points = drawn_texts(umap_projections({"m": frame}).axes[0])
        drawn = {
            (x, y): (tuple(colour[:3]), *quadrant(path))
            for (x, y), colour, path in zip(
                np.asarray(points.get_offsets()).tolist(),
                np.asarray(points.get_facecolor()),
                points.get_paths(),
                strict=True,
            )
        }
        rows = zip(frame["x"], frame["y"], frame["points"], frame["label"], strict=True)
        assert drawn == {
            (x, y): (to_rgb(LABEL_COLOURS[int(label)]), side == "text_2", label == 1)
            for x, y, side, label in rows
        }

    def test_texts_of_one_place_do_not_hide_each_other(self) -> None:
        frame = pd.DataFrame(
            {
                "points": ["text_1", "text_1", "text_2", "text_2"],
                "x": 0.0,
                "y": 0.0,
                "label": [0, 1, 0, 1],
            }
        )
        quarters = drawn_texts(umap_projections({"m": frame}).axes[0]).get_paths()
        assert len({quadrant(path) for path in quarters}) == 4
        for path in quarters:
            corner = np.asarray(path.vertices)
            right, above = quadrant(path)
            assert (corner * [1 if right else -1, 1 if above else -1] >= -1e-9).all()

    def test_no_label_is_drawn_above_the_other_and_the_order_is_the_same_each_time(self) -> None:
        frame = projection(200).sort_values("label")
        points = [drawn_texts(umap_projections({"m": frame}).axes[0]) for _ in range(2)]
        colours = [np.asarray(each.get_facecolor())[:, :3] for each in points]
        compatible = (colours[0] == to_rgb(LABEL_COLOURS[1])).all(axis=1)
        last = compatible[len(compatible) // 2 :].mean()
        assert 0.4 < last < 0.6
        np.testing.assert_array_equal(colours[0], colours[1])

    def test_legend_names_labels_and_texts(self) -> None:
        shown = texts(umap_projections({"baseline": projection()}))
        assert {
            "text_1, incompatible (0)",
            "text_2, incompatible (0)",
            "text_1, compatible (1)",
            "text_2, compatible (1)",
        } <= set(shown)


class TestClusterPurities:
    def test_bars_are_as_high_as_pure_and_as_wide_as_large(self) -> None:
        axes = cluster_purities({"texts": {"baseline": FOUND}}).axes[0]
        drawn = [(bar.get_height(), bar.get_width()) for bar in bars(axes)]
        assert drawn[:2] == [(1.0, 4), (0.6, 10)]
        assert axes.get_xlim() == (0, 20)

    def test_overall_purity_noise_and_sizes_are_stated(self) -> None:
        figure = cluster_purities({"texts": {"baseline": FOUND, "lora": ALL_NOISE}})
        shown = texts(figure)
        assert (
            "baseline, texts: overall 0.714 [0.620, 0.810]\n2 clusters, noise 30% (n=6 of 20)"
            in shown
        )
        assert "lora, texts: overall n/a\n0 clusters, noise 100% (n=5 of 5)" in shown
        assert {"n=10", "n=4", "noise n=6", "noise n=5"} <= set(shown)

    def test_purity_interval_chance_and_majority_lie_where_they_are(self) -> None:
        axes = cluster_purities({"texts": {"lora": FOUND}}).axes[0]
        lines = {float(np.asarray(line.get_ydata())[0]) for line in axes.lines}
        assert lines == {0.55, 0.68, 10 / 14}
        spans = [
            (patch.get_y(), patch.get_y() + patch.get_height())
            for patch in axes.patches
            if isinstance(patch, Rectangle) and patch.get_y() > 0
        ]
        assert spans == [pytest.approx((0.62, 0.81))]

    @pytest.mark.parametrize("models", [1, 2, 4])
    def test_nothing_covers_anything(self, models: int) -> None:
        by_model = dict.fromkeys(("baseline", "standard", "lora", "x" * 20)[:models], FOUND)
        figure = cluster_purities({"texts": by_model, "pairs": by_model})
        assert not collisions(figure)
        assert not cut_off(figure)

    def test_texts_and_pairs_are_rows(self) -> None:
        by_model = {"baseline": FOUND, "standard": FOUND}
        figure = cluster_purities({"texts": by_model, "pairs": by_model})
        titles = [axes.get_title().split(":")[0] for axes in figure.axes]
        assert titles == [
            "baseline, texts",
            "standard, texts",
            "baseline, pairs",
            "standard, pairs",
        ]
