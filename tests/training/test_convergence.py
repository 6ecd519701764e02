"""Made-up runs whose truth is known, and what must hold of any run."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import studentized_range

from tests.comparison.examples import origin
from tuneproof.base_model import load_base_model
from tuneproof.pairs import DatingPair
from tuneproof.training import convergence
from tuneproof.training.adapters import LoraOptions
from tuneproof.training.convergence import (
    ConvergenceReport,
    assess_convergence,
    assess_layers,
    draw_convergence,
    noise_deviation,
    relative_updates,
    spearman_still_to_gain,
    summarise_convergence,
    training_loss_trend,
    validation_spearman_trend,
)
from tuneproof.training.engine import RunOptions, TrainingOptions, train
from tuneproof.training.result import TrainingResult

Values = npt.NDArray[np.float64]
STEPS = 256
TIME = np.linspace(0, 1, STEPS)
DECAY = 0.05 + 0.25 * np.exp(-5 * TIME)
LEARNING = 0.85 - 0.6 * np.exp(-6 * np.linspace(0, 1, 16))
LAYERS = ["embeddings.word_embeddings", "encoder.layer.2.output", "encoder.layer.10.output"]


def noise(size: int = STEPS, seed: int = 0) -> Values:
    return np.random.default_rng(seed).normal(size=size)


def training_log(
    loss: Values = DECAY,
    spearman: Values = LEARNING,
    validation_loss: Values | None = None,
    gradient_norm: Values | float = 0.5,
) -> pd.DataFrame:
    """Return a log whose evaluations lie evenly spaced, the last at the last step."""
    steps = np.arange(1, len(loss) + 1)
    at = np.linspace(0, len(loss), len(spearman) + 1).round().astype(int)[1:] - 1
    losses = np.linspace(0.3, 0.1, len(spearman)) if validation_loss is None else validation_loss
    evaluated = np.full((2, len(loss)), np.nan)
    evaluated[:, at] = losses, spearman
    return pd.DataFrame(
        {
            "step": steps,
            "epoch": 4 * steps / len(loss),
            "loss": loss,
            "learning_rate": 1e-4,
            "gradient_norm": gradient_norm,
            "validation_loss": evaluated[0],
            "validation_spearman": evaluated[1],
        }
    )


def layer_log(rows: dict[str, tuple[Values, Values, Values]]) -> pd.DataFrame:
    """Return a layer log from weight_norm, update_norm and gradient_norm of each layer."""
    return pd.concat(
        pd.DataFrame(
            {
                "step": 16 * np.arange(1, len(weights) + 1),
                "layer": layer,
                "weight_norm": weights,
                "update_norm": updates,
                "gradient_norm": gradients,
            }
        )
        for layer, (weights, updates, gradients) in rows.items()
    ).reset_index(drop=True)


ONES = np.ones(4)
NO_LAYERS = layer_log({"layer": (ONES, ONES, ONES)}).head(0)
MATRIX_A, MATRIX_B = "encoder.layer.0.query.lora_A", "encoder.layer.0.query.lora_B"
OTHER_A, OTHER_B = "encoder.layer.1.query.lora_A", "encoder.layer.1.query.lora_B"


def result(**changes: Any) -> TrainingResult:
    facts = {
        "model_type": "standard",
        "lora": None,
        "patience": None,
        "initial_spearman": 0.1,
        "n_validation_pairs": 101,
        "manifest": origin("standard"),
    }
    # Facts that convergence does not read stay out.
    return TrainingResult.model_construct(_fields_set=None, **{**facts, **changes})


def assess(log: pd.DataFrame, layers: pd.DataFrame = NO_LAYERS, **facts: Any) -> ConvergenceReport:
    return assess_convergence(log, layers, result(**facts))


def loss_kind(loss: Values) -> str | None:
    trend = training_loss_trend(training_log(loss))
    return None if trend is None else trend.kind


def spearman_kind(*values: float, initial: float | None = None) -> str | None:
    log = pd.DataFrame({"step": range(1, len(values) + 1), "validation_spearman": values})
    trend = validation_spearman_trend(log, initial)
    return None if trend is None else trend.kind


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("smooth", DECAY),
        ("smooth", DECAY + 0.03 * noise()),
        ("smooth", 0.3 - 0.2 * TIME + 0.05 * noise()),
        ("smooth", 0.25 + 0.3 * TIME * (TIME < 0.1) - 0.15 * TIME),  # a bump while warming up
        ("plateau", 0.25 + 0.02 * noise()),
        ("plateau", np.full(STEPS, 0.25)),
        ("plateau", np.zeros(STEPS)),
        ("plateau", 0.25 - 0.005 * TIME),
        ("oscillating", 0.3 + 0.1 * np.sin(2 * np.pi * TIME * 4)),
        ("oscillating", 0.3 + 0.1 * np.sin(2 * np.pi * TIME * 16) + 0.005 * noise()),
        ("oscillating", 0.3 + 0.25 * (-1.0) ** np.arange(STEPS)),
        ("oscillating", DECAY + 0.1 * np.sin(2 * np.pi * TIME * 5) + 0.01 * noise()),
        ("diverging", 0.3 + 0.3 * TIME + 0.02 * noise()),
        ("diverging", 0.3 * np.exp(6 * TIME)),
        ("diverging", np.where(TIME < 0.8, DECAY, 3.0) + 0.02 * noise()),
        ("diverging", 0.3 + TIME**2 * np.sin(2 * np.pi * TIME * 4.25)),
    ],
)
def test_the_trend_of_the_loss(kind: str, loss: Values) -> None:
    assert loss_kind(loss) == kind


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("smooth", (0.1, 0.4, 0.6, 0.7, 0.72, 0.73)),
        ("smooth", (0.1, 0.4, 0.6, 0.58, 0.72, 0.73)),  # a dip below a tenth of the range
        ("smooth", (0.1, 0.8, 0.8, 0.8, 0.8, 0.8)),
        ("plateau", (0.8, 0.804, 0.799, 0.803, 0.8, 0.801)),
        ("oscillating", (0.5, 0.7, 0.5, 0.7, 0.5, 0.7)),
        ("diverging", (0.7, 0.6, 0.5, 0.3, 0.2, 0.1)),
        ("diverging", (0.3, 0.7, 0.6, 0.5, 0.4, 0.35)),  # most of the gain is given back
    ],
)
def test_the_trend_of_spearman(kind: str, values: tuple[float, ...]) -> None:
    assert spearman_kind(*values) == kind


def test_spearman_before_training_is_the_trend_s_start() -> None:
    falling = (0.5, 0.5, 0.5, 0.5, 0.5)
    assert spearman_kind(*falling) == "plateau"
    assert spearman_kind(*falling, initial=0.7) == "diverging"
    assert spearman_kind(*falling, initial=0.1) == "smooth"


def test_a_trend_has_the_units_of_its_curve() -> None:
    log = pd.DataFrame(
        {"step": [2, 4, 6, 8, 10], "validation_spearman": [0.1, 0.5, 0.78, 0.8, 0.79]}
    )
    trend = validation_spearman_trend(log, 0.0)
    assert trend is not None
    assert (trend.start, trend.end, trend.best) == pytest.approx((0.0, 0.79, 0.8))
    assert trend.smallest_move == pytest.approx(0.08)
    assert trend.flat_since_step == 6


@settings(deadline=None, max_examples=60)
@given(
    scale=st.floats(1e-4, 1e4),
    seed=st.integers(0, 1000),
    fall=st.floats(-1, 1),
    wave=st.floats(0, 0.5),
)
def test_scaling_the_loss_does_not_change_its_trend(
    scale: float, seed: int, fall: float, wave: float
) -> None:
    loss = 1.5 - fall * TIME + wave * np.sin(12 * np.pi * TIME) + 0.1 * noise(seed=seed)
    assert loss_kind(scale * loss) == loss_kind(loss)


@settings(deadline=None, max_examples=60)
@given(steps=st.integers(64, 2000), rate=st.floats(1, 60), floor=st.floats(0, 0.5))
def test_a_decay_without_noise_is_smooth_however_long(
    steps: int, rate: float, floor: float
) -> None:
    assert loss_kind(floor + np.exp(-rate * np.arange(steps) / steps)) == "smooth"


def test_noise_alone_is_called_a_plateau() -> None:
    kinds = [loss_kind(1 + 0.2 * noise(seed=seed)) for seed in range(200)]
    assert kinds.count("plateau") >= 196


def test_the_noise_range_is_the_studentised_one() -> None:
    expected = studentized_range.ppf(0.99, convergence._SEGMENTS, np.inf)
    assert pytest.approx(expected, abs=0.01) == convergence._NOISE_RANGE


def test_noise_is_told_from_the_curve_under_it() -> None:
    assert noise_deviation(3 - 2 * TIME) == pytest.approx(0, abs=1e-12)
    assert noise_deviation(DECAY + 0.1 * noise()) == pytest.approx(0.1, rel=0.15)


def test_a_healthy_run_gets_no_advice() -> None:
    report = assess(training_log(DECAY + 0.02 * noise()))
    assert (report.fit.kind, report.gradients.kind) == ("balanced", "steady")
    assert report.recommendations == ()
    assert report.fit.best_step == STEPS
    assert report.fit.best_epoch == 4
    assert report.fit.share_after_best == 0
    assert report.fit.training_loss_fall == pytest.approx(0.8, abs=0.05)


def test_overfitting_by_spearman() -> None:
    rise_and_fall = np.concatenate([np.linspace(0.3, 0.8, 6), np.linspace(0.78, 0.6, 10)])
    log = training_log(DECAY, rise_and_fall)
    report = assess(log)
    assert report.fit.kind == "overfitting"
    assert report.fit.best_step == 96
    assert report.fit.share_after_best == pytest.approx(1 - 96 / 256)
    assert report.fit.spearman_lost == pytest.approx(0.8 - rise_and_fall[-4:].mean())
    (advice,) = report.recommendations
    assert advice.startswith("Set patience or lower epochs: validation Spearman lost 0.17")
    assert assess(log, patience=3).recommendations[0].startswith("Lower epochs:")
    adapted = assess(log, model_type="lora", lora="an adapter")
    assert "lower lora.rank" in adapted.recommendations[0]


def test_overfitting_by_validation_loss() -> None:
    rising = np.concatenate([np.linspace(0.3, 0.2, 6), np.linspace(0.21, 0.3, 10)])
    flat = np.full(16, 0.6)
    assert assess(training_log(DECAY, flat, rising)).fit.kind == "overfitting"
    # A loss that rises while Spearman does: surer cosines, better order.
    assert assess(training_log(DECAY, LEARNING, rising)).fit.kind != "overfitting"
    # The training loss falls no further: nothing was learned by heart.
    halted = np.maximum(DECAY, DECAY[60])
    assert assess(training_log(halted, flat, rising)).fit.kind == "balanced"
    # A training loss that diverges says nothing of the fit.
    assert assess(training_log(DECAY[::-1].copy(), flat, rising)).fit.kind is None


def test_a_fall_of_spearman_within_its_noise_is_no_overfitting() -> None:
    flat = 0.6 + 0.02 * noise(16, seed=3)
    assert assess(training_log(DECAY, flat)).fit.kind == "balanced"


def test_a_spearman_that_falls_without_the_loss_is_no_overfitting() -> None:
    falling = np.linspace(0.6, 0.1, 16)
    report = assess(training_log(0.25 + 0.02 * noise(), falling))
    assert report.fit.kind is None
    assert "did not fall on" in report.fit.reasons[0]
    assert report.recommendations[0].startswith("Lower learning_rate: validation Spearman ends at")
    assert not any(advice.startswith("Raise") for advice in report.recommendations)


def test_underfitting_by_a_loss_that_hardly_falls() -> None:
    report = assess(training_log(0.28 - 0.03 * TIME + 0.001 * noise(), np.full(16, 0.4)))
    assert report.fit.kind == "underfitting"
    assert report.fit.training_loss_fall == pytest.approx(0.1, abs=0.02)
    assert [advice.split(",")[0] for advice in report.recommendations] == ["Raise learning_rate"]


def test_underfitting_by_a_spearman_that_still_rises() -> None:
    report = assess(training_log(DECAY, np.linspace(0.1, 0.6, 16)))
    assert report.fit.kind == "underfitting"
    assert report.fit.spearman_still_to_gain == pytest.approx(4 / 15 * 0.5)
    (advice,) = report.recommendations
    assert advice.startswith("Try more epochs, with several seeds: ")
    assert "by 0.13 for a further quarter" in advice
    assert "on 101 validation pairs is 0.10." in advice


def test_the_gain_of_a_longer_run_is_exact_for_a_geometric_approach() -> None:
    curve = 0.8 - 0.6 * np.power(0.9, np.arange(20.0))
    further = curve[16:].mean() - curve[12:16].mean()
    assert spearman_still_to_gain(curve[:16]) == pytest.approx(further)
    assert spearman_still_to_gain(curve[:7]) is None
    assert spearman_still_to_gain(curve[:16][::-1]) is None


def test_the_best_of_equals_is_that_of_the_lowest_loss_then_the_first() -> None:
    early = np.minimum(0.8, np.linspace(0.6, 1.6, 16))
    falling = assess(training_log(DECAY, early))
    assert falling.fit.best_step == STEPS
    level = np.full(16, 0.2)
    report = assess(training_log(DECAY, early, level))
    assert report.fit.best_step == 64
    assert report.recommendations == (
        "Set patience: 75% of the run came after its best step and cost time only.",
    )
    assert assess(training_log(DECAY, early, level), patience=5).recommendations == ()


def test_a_run_that_never_beats_the_base_model() -> None:
    (advice,) = assess(training_log(), initial_spearman=0.9).recommendations
    assert advice.startswith("Keep the base model")
    assert assess(training_log(), initial_spearman=None).recommendations == ()


@pytest.mark.parametrize(
    ("kind", "loss", "norms"),
    [
        ("steady", DECAY, np.exp(0.3 * noise())),
        ("steady", 0.3 * np.exp(-8 * TIME), np.exp(-8 * TIME)),  # no loss is left
        ("vanishing", 0.25 + 0.01 * noise(), np.exp(-8 * TIME)),
        ("exploding", DECAY, np.exp(8 * TIME)),
    ],
)
def test_gradients(kind: str, loss: Values, norms: Values) -> None:
    report = assess(training_log(loss, gradient_norm=norms))
    assert report.gradients.kind == kind
    assert report.gradients.median == pytest.approx(np.median(norms))
    assert report.gradients.maximum == norms.max()
    assert report.gradients.clipped_share == pytest.approx((norms > 1).mean())
    if kind != "steady":
        direction = "Raise" if kind == "vanishing" else "Lower"
        assert report.recommendations[0].startswith(f"{direction} learning_rate")


def test_spikes_are_found_on_a_falling_norm() -> None:
    norms = np.exp(-3 * TIME)
    norms[[40, 200, 201]] *= 6
    report = assess(training_log(gradient_norm=norms))
    assert report.gradients.spikes == (41, 201, 202)
    assert report.recommendations[0].startswith("Raise batch_size or warmup_steps: 3 of 256")
    norms[40] /= 6
    assert assess(training_log(gradient_norm=norms)).recommendations == ()


@pytest.mark.parametrize(
    "loss", [0.3 + 0.3 * TIME, 0.3 + 0.1 * np.sin(8 * np.pi * TIME)], ids=["diverging", "swinging"]
)
def test_a_bad_course_asks_for_a_lower_rate_and_never_for_a_higher(loss: Values) -> None:
    advice = assess(training_log(loss, np.full(16, 0.4))).recommendations
    assert advice[0].startswith("Lower learning_rate")
    assert not any(each.startswith("Raise learning_rate") for each in advice)


def test_relative_updates_add_up_over_the_run() -> None:
    log = layer_log(
        {
            LAYERS[2]: (ONES * 10, np.array([1.0, 2, 3, 4]), ONES),
            LAYERS[1]: (ONES * 2, ONES, ONES),
            LAYERS[0]: (ONES * 100, ONES * 1e-3, ONES),
        }
    )
    movements = assess_layers(log)
    assert [each.layer for each in movements] == LAYERS  # layer.2 before layer.10
    assert [each.relative_update for each in movements] == pytest.approx([4e-5, 2.0, 1.0])
    assert relative_updates(log).to_numpy()[2].tolist() == [0.1, 0.2, 0.3, 0.4]
    report = assess(training_log(), log)
    assert report.hardly_moved == (LAYERS[0],)
    assert report.most_moved == ()  # of three layers the three most moved say nothing


def test_most_and_least_moved_do_not_depend_on_the_order_of_rows() -> None:
    log = layer_log({f"layer.{i}": (ONES, ONES * i, ONES) for i in range(1, 9)})
    report = assess(training_log(), log)
    assert report.most_moved == ("layer.8", "layer.7", "layer.6")
    assert report.least_moved == ("layer.1", "layer.2", "layer.3")
    shuffled = log.sample(frac=1, random_state=1)
    assert assess(training_log().sample(frac=1, random_state=1), shuffled) == report


def test_matrices_that_start_at_zero_are_ranked_among_themselves() -> None:
    rows = {f"layer.{i}.lora_A": (ONES, ONES * i, ONES) for i in (1, 2, 9)}
    rows |= {f"layer.{i}.lora_B": (ONES, ONES * 100 * i, ONES) for i in (2, 3, 4)}
    report = assess(training_log(), layer_log(rows))
    assert report.most_moved == ("layer.9.lora_A", "layer.4.lora_B", "layer.2.lora_A")
    assert report.least_moved[:2] == ("layer.1.lora_A", "layer.2.lora_B")


def lora_rows(**changes: tuple[Values, Values, Values]) -> pd.DataFrame:
    """Return the layer log of two healthy pairs of matrices, with changes by `A0`, `B0`, ..."""
    grown = np.array([0.1, 0.2, 0.3, 0.4])
    rows = {"A0": (ONES, ONES * 0.1, ONES), "B0": (grown, ONES * 0.1, ONES)}
    rows |= {"A1": rows["A0"], "B1": rows["B0"], **changes}
    names = {"A0": MATRIX_A, "B0": MATRIX_B, "A1": OTHER_A, "B1": OTHER_B}
    return layer_log({names[key]: value for key, value in rows.items()})


def reached(log: pd.DataFrame) -> dict[str, bool | None]:
    return {each.layer: each.reached for each in assess_layers(log)}


def test_healthy_matrices_are_reached() -> None:
    assert set(reached(lora_rows()).values()) == {True}
    # The first gradient of A is 0, because B was 0 when it was computed.
    first = lora_rows(A0=(ONES, ONES * 0.1, np.array([0.0, 1, 1, 1])))
    assert set(reached(first).values()) == {True}


def test_a_dead_lora_matrix_is_named() -> None:
    nothing = np.zeros(4)
    log = lora_rows(A0=(ONES, nothing, nothing))
    assert reached(log) == {MATRIX_A: False, MATRIX_B: True, OTHER_A: True, OTHER_B: True}
    report = assess(training_log(), log, model_type="lora", lora="an adapter")
    assert report.unreached == report.hardly_moved == (MATRIX_A,)
    (advice,) = report.recommendations
    assert "lora.target_modules" in advice
    assert MATRIX_A in advice
    assert f"reached by no gradient: {MATRIX_A}" in summarise_convergence(report)


def test_a_matrix_a_behind_a_dead_b_is_not_blamed() -> None:
    nothing = np.zeros(4)
    log = lora_rows(A0=(ONES, nothing, nothing), B0=(nothing, nothing, nothing))
    assert reached(log) == {MATRIX_A: None, MATRIX_B: False, OTHER_A: True, OTHER_B: True}
    moved = {each.layer: each.relative_update for each in assess_layers(log)}
    assert moved[MATRIX_B] is None


def test_a_dead_layer_of_a_full_run_is_named_too() -> None:
    log = layer_log(
        {"pooler.dense": (ONES, ONES * 0, ONES * 0), "encoder.layer.0": (ONES, ONES, ONES)}
    )
    report = assess(training_log(), log)
    assert report.unreached == ("pooler.dense",)
    assert report.recommendations[0].startswith("Add them to frozen")


def test_a_run_too_short_to_judge_gets_figures_without_verdicts_or_advice() -> None:
    log = training_log(
        np.array([0.3, 0.6, 0.1]), np.array([0.2, 0.5]), gradient_norm=np.arange(3.0)
    )
    report = assess(log)
    assert report.loss is None
    assert report.spearman is None
    assert report.fit.kind is None
    assert report.gradients.kind is None
    assert report.fit.best_spearman == 0.5
    assert report.fit.spearman_lost is None
    assert report.recommendations == ()
    assert "Fit: n/a" in summarise_convergence(report)


def test_without_a_defined_spearman_there_is_no_best() -> None:
    report = assess(training_log(DECAY, np.full(16, np.nan)))
    assert report.evaluations == 0
    assert report.fit.best_step is None
    assert report.loss is not None
    assert report.loss.kind == "smooth"
    assert report.recommendations == ()
    assert "best validation Spearman: n/a" in summarise_convergence(report)


@pytest.mark.parametrize("column", ["loss", "gradient_norm"])
def test_a_log_that_is_not_finite_is_refused(column: str) -> None:
    log = training_log(gradient_norm=np.ones(STEPS))
    log.loc[6, column] = np.nan
    with pytest.raises(ValueError, match=f"step 7: found {column} nan"):
        assess(log)
    with pytest.raises(ValueError, match="without rows"):
        assess(log.head(0))


def test_the_report_survives_json() -> None:
    report = assess(training_log(), lora_rows())
    assert ConvergenceReport.model_validate_json(report.model_dump_json()) == report


def test_the_summary_tells_what_the_report_holds() -> None:
    rows = {f"layer.{i}": (ONES, ONES * i, ONES) for i in range(1, 6)}
    text = summarise_convergence(assess(training_log(), layer_log(rows)))
    assert "Training loss: smooth" in text
    assert "Fit: balanced" in text
    assert "moved most: layer.5 20, layer.4 16, layer.3 12" in text
    assert "Recommendations: none" in text
    assert "nan" not in text


@pytest.mark.parametrize("lora", [None, LoraOptions(2, 4, 0.0, ("query", "value"))])
def test_a_real_run_is_judged_and_drawn(
    lora: LoraOptions | None, tiny_model_folder: Path, tmp_path: Path
) -> None:
    likes = ("cats", "dogs", "tea", "coffee", "running", "reading", "cooking", "museums")
    pairs = [
        DatingPair(
            text_1=f"boy: i like {first}",
            text_2=f"girl: i enjoy {second}",
            label=int(first == second),
            category="c",
            subcategory="s",
            pair_type="p",
        )
        for first in likes
        for second in (first, likes[likes.index(first) - 1])
    ]
    options = TrainingOptions(
        epochs=8,
        batch_size=4,
        learning_rate=1e-3,
        warmup_steps=0.1,
        evaluations=8,
        patience=None,
        loss="cosine_similarity",
        precision="fp32",
        frozen=("pooler",),
        dropout=None,
        seed=1,
        lora=lora,
    )
    run = RunOptions(checkpoint_folder=str(tmp_path), checkpoints=0)
    base = load_base_model(str(tiny_model_folder), None, "cpu")
    _, found, log, layers = train(base, pairs[4:], pairs[:4], options, run)
    report = assess_convergence(log, layers, found)
    assert report.fit.best_step == found.best_step
    assert report.fit.best_spearman == found.best_spearman
    assert report.evaluations == 8
    assert {each.layer for each in report.layers} == set(layers["layer"])
    assert {each.reached for each in report.layers} == {True}
    matrices = {each.layer[-6:] for each in report.layers}
    assert (matrices == {"lora_A", "lora_B"}) == (lora is not None)
    draw_convergence(log, layers, report).canvas.draw()


def test_the_drawing_shows_what_was_assessed() -> None:
    log, layers = training_log(), lora_rows()
    figure = draw_convergence(log, layers, assess(log, layers, model_type="lora"))
    assert "lora" in figure.get_suptitle()
    assert len([axes for axes in figure.axes if axes.images]) == 4
