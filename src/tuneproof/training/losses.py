"""The losses that a run can minimise: sentence-transformers' own, by name."""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

LossName = Literal["cosine_similarity", "cosent", "angle", "contrastive", "online_contrastive"]


class PairLoss(Protocol):
    """What the engine needs of a loss: it embeds both texts itself, in one forward pass."""

    def compute_loss_from_embeddings(
        self, embeddings: "list[Tensor]", labels: "Tensor"
    ) -> "Tensor":
        """Return the loss of n pairs: two embeddings of shape (n, d), labels of shape (n,)."""


def build_loss(name: LossName, transformer: "SentenceTransformer") -> PairLoss:
    """Return a loss with the library's defaults.

    Args:
        name: `cosine_similarity`: squared error of cosine and label (Reimers and Gurevych, 2019);
            `cosent`: order of the cosines (Su, 2022); `angle`: the same in complex space (Li and
            Li, 2023); `contrastive`: pull together, push beyond a margin (Hadsell et al., 2006);
            `online_contrastive`: the same for the hard pairs of a batch.
        transformer: The model in training.
    """
    from sentence_transformers.sentence_transformer import losses

    kinds = {
        "cosine_similarity": losses.CosineSimilarityLoss,
        "cosent": losses.CoSENTLoss,
        "angle": losses.AnglELoss,
        "contrastive": losses.ContrastiveLoss,
        "online_contrastive": losses.OnlineContrastiveLoss,
    }
    loss: PairLoss = kinds[name](transformer)
    return loss
