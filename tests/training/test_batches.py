"""Batches: each pair once an epoch, of like length, of both labels, the same when resumed."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tuneproof.training.batches import LengthGroupedBatchSampler, TokenisedPairs
from tuneproof.training.losses import LossName, build_loss

from .test_engine import TRAIN, base

ROWS = st.lists(
    st.tuples(st.integers(3, 60), st.sampled_from([0.0, 1.0])), min_size=1, max_size=300
)


def sampler(
    rows: list[tuple[int, float]], size: int = 8, seed: int = 0
) -> LengthGroupedBatchSampler:
    lengths, labels = zip(*rows, strict=True)
    return LengthGroupedBatchSampler(lengths, labels, size, seed)


@given(rows=ROWS, size=st.integers(1, 20), epoch=st.integers(0, 5))
def test_each_pair_stands_in_one_batch_of_an_epoch(
    rows: list[tuple[int, float]], size: int, epoch: int
) -> None:
    batches = sampler(rows, size)
    batches.set_epoch(epoch)
    drawn = list(batches)
    assert sorted(row for batch in drawn for row in batch) == list(range(len(rows)))
    assert max(map(len, drawn)) <= size
    assert len(drawn) == len(batches), "the trainer counts on this number of steps"


@given(rows=ROWS, epoch=st.integers(0, 5))
def test_the_order_depends_on_seed_and_epoch_alone(
    rows: list[tuple[int, float]], epoch: int
) -> None:
    first, second = sampler(rows), sampler(rows)
    list(first)
    for one in (first, second):
        one.set_epoch(epoch)
    assert list(first) == list(second)


def test_epochs_and_seeds_differ() -> None:
    rows = [(length, float(length % 2)) for length in range(100)]
    batches = sampler(rows)
    first = list(batches)
    batches.set_epoch(1)
    assert list(batches) != first
    assert list(sampler(rows, seed=1)) != first


def test_batches_are_of_like_length_and_of_both_labels_even_where_length_goes_with_the_label() -> (
    None
):
    """Compatible pairs are longer here: by length alone each batch would hold one label."""
    rows = [(10 + i % 20, 0.0) for i in range(200)] + [(40 + i % 20, 1.0) for i in range(200)]
    for batch in sampler(rows, 16):
        assert {rows[row][1] for row in batch} == {0.0, 1.0}
        for label in (0.0, 1.0):
            lengths = [rows[row][0] for row in batch if rows[row][1] == label]
            assert max(lengths) - min(lengths) <= 4


def test_a_collated_batch_embeds_like_each_text_alone(tiny_model_folder: Path) -> None:
    transformer = base(tiny_model_folder).transformer.eval()
    pairs = TokenisedPairs(transformer, TRAIN)
    rows = [{"pair": row, "label": pairs.labels[row]} for row in (3, 0, 5)]
    batch = pairs(rows)
    assert batch["label"].tolist() == [TRAIN[row].label for row in (3, 0, 5)]
    features = {name.removeprefix("texts_"): v for name, v in batch.items() if name != "label"}
    with torch.no_grad():
        embedded = transformer(features)["sentence_embedding"]
    texts = [TRAIN[row].texts[side] for side in (0, 1) for row in (3, 0, 5)]
    alone = torch.cat([transformer.encode([text], convert_to_tensor=True) for text in texts])
    torch.testing.assert_close(embedded, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "name", ["cosine_similarity", "cosent", "contrastive", "online_contrastive"]
)
def test_a_loss_is_lower_where_cosines_follow_the_labels(
    tiny_model_folder: Path, name: LossName
) -> None:
    """Of two pairs, the first has cosine 1 and the second cosine 0."""
    loss = build_loss(name, base(tiny_model_folder).transformer)
    pairs = [torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])]
    right = float(loss.compute_loss_from_embeddings(pairs, torch.tensor([1.0, 0.0])))
    wrong = float(loss.compute_loss_from_embeddings(pairs, torch.tensor([0.0, 1.0])))
    assert right < wrong
    if name == "cosine_similarity":
        assert (right, wrong) == pytest.approx((0, 1))


def test_angle_is_the_librarys(tiny_model_folder: Path) -> None:
    loss = build_loss("angle", base(tiny_model_folder).transformer)
    assert type(loss).__name__ == "AnglELoss"
