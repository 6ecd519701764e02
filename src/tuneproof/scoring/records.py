"""What scoring leaves: rows with what a model says of them, and where that comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tuneproof.manifest import Manifest


@dataclass(frozen=True)
class ScoredPairs:
    """The rows of a file with what a model says of each.

    Attributes:
        rows: The fields of each row as they came, followed by `cosine`, in [-1, 1]; `probability`,
            that of label 1 after calibration on the validation pairs, in [0, 1]; `decision`, 1
            where the cosine is at or above the validated threshold, else 0; and
            `nearest_train_pairs`, the most similar first: each with `row`, its position among the
            train pairs, `text_1`, `text_2`, `label` and `similarity`, in [-1, 1]. A stream: not all
            rows are in memory at once.
        manifest: Origin: model, hash of the scored file (`new`) and of the train pairs, threshold
            and calibration.
    """

    rows: Iterable[Mapping[str, Any]]
    manifest: Manifest
