import numpy as np
import pytest
from matplotlib.collections import PathCollection

from tests.charts.drawing import bars, projection, texts
from tuneproof.charts.clusters import ClusterPurities, cluster_purities, umap_projections
from tuneproof.charts.style import LABEL_COLOURS

FOUND = ClusterPurities(
    clusters=[(0, 10, 0.6), (1, 4, 1.0)], noise=6, cluster_purity=10 / 14, majority_share=0.55
)
ALL_NOISE = ClusterPurities(clusters=[], noise=5, cluster_purity=None, majority_share=0.6)


class TestUmap:
    @pytest.mark.parametrize("models", [("baseline",), ("baseline", "standard", "lora")])
    def test_every_text_is_a_point_and_pair_vectors_are_none(self, models: tuple[str, ...]) -> None:
        figure = umap_projections({model: projection(20) for model in models})
        assert len(figure.axes) == len(models)
        for axes, model in zip(figure.axes, models, strict=True):
            assert axes.get_title() == f"{model}, n=40 texts"
            drawn = [c for c in axes.collections if isinstance(c, PathCollection)]
            assert sum(len(np.asarray(points.get_offsets())) for points in drawn) == 40

    def test_legend_names_labels_and_texts(self) -> None:
        shown = texts(umap_projections({"baseline": projection()}))
        assert {"incompatible (0)", "compatible (1)", "text_1", "text_2"} <= set(shown)

    def test_colour_follows_the_label(self) -> None:
        frame = projection(20).query("label == 1")
        axes = umap_projections({"m": frame}).axes[0]
        from matplotlib.colors import to_rgb

        colours = {
            tuple(np.asarray(points.get_facecolor())[0, :3])
            for points in axes.collections
            if isinstance(points, PathCollection) and len(np.asarray(points.get_offsets()))
        }
        assert colours == {to_rgb(LABEL_COLOURS[1])}


class TestClusterPurities:
    def test_bars_are_as_high_as_pure_and_as_wide_as_large(self) -> None:
        axes = cluster_purities({"texts": {"baseline": FOUND}}).axes[0]
        drawn = [(bar.get_height(), bar.get_width()) for bar in bars(axes)]
        assert drawn[:2] == [(1.0, 4), (0.6, 10)]
        assert axes.get_xlim() == (0, 20)

    def test_overall_purity_noise_and_sizes_are_stated(self) -> None:
        figure = cluster_purities({"texts": {"baseline": FOUND, "lora": ALL_NOISE}})
        shown = texts(figure)
        assert "baseline, texts: overall 0.714\n2 clusters, noise 30% (n=6 of 20)" in shown
        assert "lora, texts: overall n/a\n0 clusters, noise 100% (n=5 of 5)" in shown
        assert {"n=10", "n=4", "noise n=6", "noise n=5"} <= set(shown)

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
