"""Real training of a tiny real model: it learns, keeps its best checkpoint, and repeats itself."""

import io
import re
from copy import copy
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tuneproof.base_model import load_base_model
from tuneproof.encoding import EmbeddingModel, embed_pairs, pair_cosines
from tuneproof.errors import AdapterError, TrainingError
from tuneproof.pairs import DatingPair, hash_pairs
from tuneproof.training.adapters import LoraOptions
from tuneproof.training.engine import (
    RunOptions,
    TrainedModel,
    TrainingOptions,
    resolve_precision,
    train,
)
from tuneproof.training.losses import LossName, build_loss
from tuneproof.training.result import MAX_GRADIENT_NORM, TRAINING_LOG

LIKES = ("cats", "dogs", "tea", "coffee", "running", "reading", "cooking", "museums")
LORA = LoraOptions(rank=4, alpha=8, dropout=0.1, target_modules=("query", "value"))


def make_pairs() -> list[DatingPair]:
    """Return pairs that are compatible when both like the same thing."""
    return [
        DatingPair(
            text_1=f"boy: i like {first}",
            text_2=f"girl: i enjoy {second}",
            label=int(first == second),
            category="c",
            subcategory="s",
            pair_type="p",
        )
        for first in LIKES
        for second in (first, LIKES[LIKES.index(first) - 1])
    ]


PAIRS = make_pairs()
TRAIN, VALIDATION = PAIRS[4:], PAIRS[:4]


def options(**changes: object) -> TrainingOptions:
    return TrainingOptions(
        **{  # type: ignore[arg-type]  # pydantic checks what the test changes
            "epochs": 12,
            "batch_size": 4,
            "learning_rate": 3e-3,
            "warmup_steps": 0.1,
            "evaluations": 12,
            "patience": None,
            "loss": "cosine_similarity",
            "precision": "fp32",
            "frozen": ("pooler",),
            "dropout": None,
            "seed": 1,
            **changes,
        }
    )


def run(folder: Path, checkpoints: int = 0) -> RunOptions:
    return RunOptions(checkpoint_folder=str(folder), checkpoints=checkpoints)


def base(folder: Path) -> EmbeddingModel:
    return load_base_model(str(folder), None, "cpu")


def weights(model: EmbeddingModel) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return {name: p.detach().numpy() for name, p in model.transformer.named_parameters()}


@pytest.fixture(scope="module")
def standard(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    folder = tmp_path_factory.mktemp("checkpoints")
    return train(base(tiny_model_folder), TRAIN, VALIDATION, options(), run(folder))


def test_training_lowers_the_loss(standard: TrainedModel) -> None:
    assert standard.log["loss"].tail(6).mean() < 0.5 * standard.log["loss"].head(6).mean()


@pytest.mark.parametrize(("dropout", "same"), [(0.0, True), (0.3, False), (None, False)])
def test_dropout_is_what_the_options_say(
    dropout: float | None, same: bool, tiny_model_folder: Path, tmp_path: Path
) -> None:
    """In training mode a model repeats itself if nothing is dropped, and only then."""
    settings = options(dropout=dropout, epochs=1, evaluations=1)
    model = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path)).model
    transformer = model.transformer.train()
    features = transformer.preprocess([pair.text_1 for pair in TRAIN])
    first, second = (transformer(dict(features))["sentence_embedding"] for _ in range(2))
    assert bool((first == second).all()) is same


def test_the_returned_model_is_the_best_checkpoint(standard: TrainedModel) -> None:
    vectors = embed_pairs(standard.model.transformer, VALIDATION, 4)
    labels = [pair.label for pair in VALIDATION]
    assert spearmanr(pair_cosines(vectors), labels).statistic == pytest.approx(
        standard.result.best_spearman
    )
    history = [value for value in standard.result.spearman_history if value is not None]
    assert standard.result.best_spearman == max(history)
    at_best = standard.log.set_index("step").loc[standard.result.best_step]
    assert at_best["validation_spearman"] == standard.result.best_spearman


def test_an_early_best_checkpoint_is_restored_over_later_weights(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grade evaluations so that the first one is the best: its weights must come back."""
    from tuneproof.training import callbacks

    grades = iter([0.0, 0.9, *[0.1] * 11, 0.9])
    seen: list[float] = []

    def graded(scores: np.ndarray[tuple[int], np.dtype[np.float64]], _: object) -> float:
        seen.append(float(scores.sum()))
        return next(grades)

    monkeypatch.setattr(callbacks, "spearman", graded)
    trained = train(base(tiny_model_folder), TRAIN, VALIDATION, options(), run(tmp_path))
    assert trained.result.best_step == trained.result.evaluation_steps
    assert seen[-1] == pytest.approx(seen[1], abs=1e-12)
    assert seen[-2] != pytest.approx(seen[1], abs=1e-3), "later weights do not differ"


def test_a_checkpoint_that_does_not_remeasure_is_refused(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneproof.training.callbacks import TrainingRecorder

    restore = TrainingRecorder.restore_best

    def lossy(self: TrainingRecorder) -> object:
        best = restore(self)
        return best._replace(spearman=best.spearman - 0.5)

    monkeypatch.setattr(TrainingRecorder, "restore_best", lossy)
    with pytest.raises(TrainingError, match="was not restored"):
        train(base(tiny_model_folder), TRAIN, VALIDATION, options(epochs=1), run(tmp_path))


def test_the_log_has_a_row_a_step_and_the_schedule_warms_up_and_decays(
    standard: TrainedModel,
) -> None:
    log, result = standard.log, standard.result
    assert dict(log.dtypes.astype(str)) == dict(TRAINING_LOG)
    assert log["step"].tolist() == list(range(1, result.total_steps + 1))
    assert result.total_steps == 12 * 3
    assert result.warmup_steps == 4
    rates = log["learning_rate"].to_numpy()
    assert rates.max() == pytest.approx(3e-3)
    assert (np.diff(rates[: result.warmup_steps]) > 0).all()
    assert (np.diff(rates[result.warmup_steps + 1 :]) < 0).all()
    assert (log["gradient_norm"] > 0).all()


def test_at_least_twelve_evaluations_and_one_after_the_last_step(standard: TrainedModel) -> None:
    evaluated = standard.log.dropna(subset=["validation_spearman", "validation_loss"])
    assert len(evaluated) >= 12
    assert len(evaluated) == len(standard.result.spearman_history)
    assert evaluated["step"].max() == standard.result.total_steps
    assert standard.result.final_spearman == evaluated["validation_spearman"].iloc[-1]


def test_the_validation_loss_is_the_mean_squared_error_of_the_cosines(
    standard: TrainedModel,
) -> None:
    cosines = pair_cosines(embed_pairs(standard.model.transformer, VALIDATION, 4))
    expected = np.mean((cosines - [pair.label for pair in VALIDATION]) ** 2)
    at_best = standard.log.set_index("step").loc[standard.result.best_step]
    assert at_best["validation_loss"] == pytest.approx(expected, abs=1e-6)


def test_all_weights_train_and_the_manifest_says_from_what(
    standard: TrainedModel, tiny_model_folder: Path
) -> None:
    untouched = weights(base(tiny_model_folder))
    changed = [n for n, w in weights(standard.model).items() if (w != untouched[n]).any()]
    assert len(changed) > 0.9 * len(untouched)
    result = standard.result
    assert result.model_type == result.manifest.model_name == "standard"
    assert result.trainable_parameters == sum(
        w.size for n, w in untouched.items() if ".pooler." not in n
    )
    assert result.manifest.pairs == {
        "train": hash_pairs(TRAIN),
        "validation": hash_pairs(VALIDATION),
    }
    assert result.manifest.parameters["learning_rate"] == 3e-3


@pytest.mark.parametrize("lora", [None, LORA])
def test_the_same_seed_gives_the_same_weights_and_another_seed_does_not(
    lora: LoraOptions | None, tiny_model_folder: Path, tmp_path: Path
) -> None:
    first, again, other = (
        weights(
            train(
                base(tiny_model_folder),
                TRAIN,
                VALIDATION,
                options(lora=lora, seed=seed),
                run(tmp_path),
            ).model
        )
        for seed in (1, 1, 2)
    )
    assert all((weight == first[name]).all() for name, weight in again.items())
    assert any((weight != first[name]).any() for name, weight in other.items())


@pytest.mark.parametrize("asked", ["auto", "fp32", "bf16"])
@pytest.mark.parametrize("instructions", [True, False])
def test_precision_is_bf16_only_where_asked_for_or_in_hardware(
    asked: Literal["auto", "fp32", "bf16"], instructions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuneproof.training.engine.has_bf16", lambda _: instructions)
    automatic = "bf16" if instructions else "fp32"
    assert resolve_precision(asked, "cpu") == (automatic if asked == "auto" else asked)


def test_bf16_is_the_forward_pass_alone(
    standard: TrainedModel, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first loss differs by rounding; weights, embeddings and losses stay float32."""
    from torch import nn

    from tuneproof.training.trainer import PairTrainer

    seen: set[torch.dtype] = set()
    compute = PairTrainer.compute_loss

    def noted(self: PairTrainer, model: Any, *arguments: Any, **named: Any) -> torch.Tensor:
        linear = next(module for module in model.modules() if isinstance(module, nn.Linear))
        hook = linear.register_forward_hook(lambda *passed: seen.add(passed[2].dtype))
        loss = compute(self, model, *arguments, **named)
        hook.remove()
        assert loss.dtype == torch.float32
        return loss

    monkeypatch.setattr(PairTrainer, "compute_loss", noted)
    settings = options(precision="bf16", dropout=None)
    rounded = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path))
    assert seen == {torch.bfloat16}
    assert rounded.result.precision == "bf16"
    assert {w.dtype.name for w in weights(rounded.model).values()} == {"float32"}
    first, expected = rounded.log["loss"].iloc[0], standard.log["loss"].iloc[0]
    assert first != expected
    assert first == pytest.approx(expected, rel=0.05)
    assert rounded.log["loss"].tail(6).mean() < 0.5 * rounded.log["loss"].head(6).mean()


@pytest.mark.parametrize("loss", get_args(LossName))
def test_each_loss_trains(loss: LossName, tiny_model_folder: Path, tmp_path: Path) -> None:
    settings = options(loss=loss, epochs=2, evaluations=2)
    trained = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path))
    assert trained.result.loss == loss
    assert np.isfinite(trained.log[["loss", "gradient_norm"]]).all(axis=None)
    evaluated = trained.log["validation_loss"].dropna()
    assert len(evaluated) == 2
    assert np.isfinite(evaluated).all()
    untouched = weights(base(tiny_model_folder))
    assert any((weight != untouched[name]).any() for name, weight in weights(trained.model).items())


def test_gradient_norms_are_those_before_clipping(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compute those of the first step anew, with a loss so steep that they are clipped."""
    from tuneproof.training.trainer import PairTrainer

    batches: list[dict[str, torch.Tensor]] = []
    compute = PairTrainer.compute_loss

    def steep(self: PairTrainer, model: Any, inputs: Any, **named: Any) -> torch.Tensor:
        batches.append({name: copy(value) for name, value in inputs.items()})
        return 100 * compute(self, model, inputs, **named)

    monkeypatch.setattr(PairTrainer, "compute_loss", steep)
    settings = options(epochs=1, evaluations=3, dropout=0.0)
    trained = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path))

    transformer = base(tiny_model_folder).transformer.eval()
    labels = batches[0].pop("label")
    texts = {
        name.removeprefix("texts_"): value
        for name, value in batches[0].items()
        if name.startswith("texts_")
    }
    embedded = transformer(texts)["sentence_embedding"].unflatten(0, (2, -1))
    loss = build_loss("cosine_similarity", transformer)
    (100 * loss.compute_loss_from_embeddings(list(embedded), labels)).backward()
    modules: dict[str, list[float]] = {}
    for name, parameter in transformer.named_parameters():
        if parameter.grad is not None:
            modules.setdefault(name.rpartition(".")[0], []).append(float(parameter.grad.norm()))

    first = trained.layers[trained.layers["step"] == 1].set_index("layer")["gradient_norm"]
    assert len(first) == len(modules) > 10
    for layer, norm in first.items():
        (parts,) = (parts for module, parts in modules.items() if module.endswith(f".{layer}"))
        assert norm == pytest.approx(np.hypot.reduce(parts), rel=1e-3), layer
    whole = np.hypot.reduce([norm for parts in modules.values() for norm in parts])
    assert whole > 10 * MAX_GRADIENT_NORM
    assert trained.log["gradient_norm"].iloc[0] == pytest.approx(whole, rel=1e-3)


def test_progress_shows_loss_spearman_and_remaining_time(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from tqdm import tqdm

    settings = options(epochs=2, evaluations=2)
    with caplog.at_level("INFO", logger="tuneproof"):
        result = train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path)).result
    lines = [line for line in caplog.messages if " s to go" in line]
    assert len(lines) == 2
    assert lines[0].startswith("step 3 of 6: validation loss 0.")
    assert f"Spearman {result.spearman_history[0]:.4f}, " in lines[0]
    assert lines[1].endswith(", 0 s to go")

    terminal = io.StringIO()

    def shown(**named: Any) -> Any:
        return tqdm(**{**named, "disable": False, "file": terminal, "mininterval": 0})

    monkeypatch.setattr("tuneproof.training.callbacks.tqdm", shown)
    train(base(tiny_model_folder), TRAIN, VALIDATION, settings, run(tmp_path))
    bar = [frame for frame in terminal.getvalue().split("\r") if "6/6 [" in frame][-1]
    assert re.search(r"loss \d\.\d{4}, Spearman -?\d\.\d{4}\]", bar)


def test_lora_trains_the_adapter_alone(tiny_model_folder: Path, tmp_path: Path) -> None:
    trained = train(base(tiny_model_folder), TRAIN, VALIDATION, options(lora=LORA), run(tmp_path))
    untouched = weights(base(tiny_model_folder))
    for name, weight in weights(trained.model).items():
        if "lora_" not in name:
            original = untouched[name.replace(".base_layer", "")]
            np.testing.assert_array_equal(weight, original, err_msg=name)
    # Two layers, query and value, A and B of 4 x 32 each.
    assert trained.result.trainable_parameters == 2 * 2 * 2 * 4 * 32
    assert trained.result.total_parameters == sum(w.size for w in untouched.values()) + 1024
    assert trained.result.lora is not None
    assert trained.result.lora.target_modules == ("query", "value")
    assert trained.log["loss"].tail(6).mean() < trained.log["loss"].head(6).mean()


def test_an_adapter_for_layers_that_do_not_exist_is_refused(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    lora = LoraOptions(rank=4, alpha=8, dropout=0.1, target_modules=("qkv_proj",))
    with pytest.raises(AdapterError, match="found \\['qkv_proj'\\], expected names of layers"):
        train(base(tiny_model_folder), TRAIN, VALIDATION, options(lora=lora), run(tmp_path))


def test_a_loss_that_is_not_finite_stops_the_run(tiny_model_folder: Path, tmp_path: Path) -> None:
    model = base(tiny_model_folder)
    with torch.no_grad():
        next(model.transformer.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="embeddings that are not finite"):
        train(model, TRAIN, VALIDATION, options(), run(tmp_path))


@pytest.mark.parametrize(
    "change",
    [{"epochs": 0}, {"learning_rate": 0}, {"evaluations": 0}, {"epoch": 3}, {"batch_size": "many"}],
)
def test_parameters_out_of_range_or_unknown_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        options(**change)


def test_of_equal_ranks_the_weights_of_the_lowest_loss_are_kept(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    """Few validation pairs are soon ranked perfectly: what was learnt after that is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneproof.training.callbacks.spearman", lambda *_: 0.8)
        found = train(base(tiny_model_folder), TRAIN, VALIDATION, options(epochs=4), run(tmp_path))
    losses = found.log.dropna(subset=["validation_loss"]).set_index("step")["validation_loss"]
    assert found.result.best_step == losses.idxmin() > losses.index[0]
