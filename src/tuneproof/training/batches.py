"""Batches of pairs for training; imports torch, so it is imported only when a run starts."""

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.nn.functional import pad

from datasets import Dataset
from tuneproof.pairs import DatingPair

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_POOL = 16


class TokenisedPairs:
    """Pairs whose distinct texts are tokenised once, before training.

    Args:
        transformer: The model; its own preprocessing is used.
        pairs: Pairs to learn from.
    """

    valid_label_columns = ("label",)
    """What the trainer asks of a collator: the column that holds the label."""

    def __init__(self, transformer: "SentenceTransformer", pairs: Sequence[DatingPair]) -> None:
        texts = dict.fromkeys(text for pair in pairs for text in pair.texts)
        tokens = {text: transformer.preprocess([text]) for text in texts}
        self._tokens = [tuple(tokens[text] for text in pair.texts) for pair in pairs]
        self.labels = [float(pair.label) for pair in pairs]

    @property
    def lengths(self) -> list[int]:
        """Tokens of the longer text of each pair."""
        return [max(one["input_ids"].shape[1] for one in pair) for pair in self._tokens]

    def dataset(self) -> Dataset:
        """Return what the trainer draws rows from: the position and the label of each pair."""
        return Dataset.from_dict({"pair": range(len(self.labels)), "label": self.labels})

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Collate n rows into 2n texts, all first texts before all second ones, and n labels."""
        chosen = [self._tokens[row["pair"]] for row in rows]
        texts = [pair[side] for side in (0, 1) for pair in chosen]
        batch = {f"texts_{name}": _stack([text[name] for text in texts]) for name in texts[0]}
        return {**batch, "label": torch.tensor([row["label"] for row in rows])}


def _stack(values: Sequence[Any]) -> Any:
    """Stack token tensors of shape (1, length), padded with 0 on the right; the mask hides it."""
    if not isinstance(values[0], torch.Tensor):
        return values[0]
    longest = max(value.shape[1] for value in values)
    return torch.cat([pad(value, (0, longest - value.shape[1])) for value in values])


class LengthGroupedBatchSampler(DefaultBatchSampler):
    """Batches of pairs of like length, each of both labels, drawn anew each epoch.

    The pairs are shuffled and cut into pools of 16 batches. A pool is sorted by length, each label
    on its own, and the labels are merged by rank: where length goes with the label, batches by
    length alone would hold one label, and the model would learn slower. All batches are shuffled.
    The order is a function of seed and epoch alone: a resumed run meets the same batches.

    Args:
        lengths: Length of each pair.
        labels: Label of each pair.
        batch_size: Pairs a batch; the last one of an epoch's pools may be smaller.
        seed: Seed of the order.
    """

    def __init__(
        self, lengths: Sequence[int], labels: Sequence[float], batch_size: int, seed: int
    ) -> None:
        super().__init__(range(len(lengths)), batch_size=batch_size, drop_last=False, seed=seed)
        self._lengths = lengths
        self._labels = labels

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the positions of each batch of the current epoch."""
        rng = random.Random(f"{self.seed} {self.epoch}")  # noqa: S311  # nothing here is secret
        order = rng.sample(range(len(self._lengths)), len(self._lengths))
        pool = _POOL * self.batch_size
        batches = []
        for start in range(0, len(order), pool):
            alike = self._by_rank(order[start : start + pool])
            batches += [
                alike[i : i + self.batch_size] for i in range(0, len(alike), self.batch_size)
            ]
        rng.shuffle(batches)
        yield from batches

    def _by_rank(self, pool: Sequence[int]) -> list[int]:
        """Sort by length within each label, and merge the labels by relative rank."""
        ranked = []
        for label in sorted({self._labels[row] for row in pool}):
            rows = [row for row in pool if self._labels[row] == label]
            rows.sort(key=self._lengths.__getitem__)
            ranked += [((rank + 0.5) / len(rows), row) for rank, row in enumerate(rows)]
        return [row for _, row in sorted(ranked)]
