"""Can the label be told from what it should not depend on?

Every score is 100 * (1 - effect size): 100 stands for no association with the label. Where there
are several sides to a question, the strongest association counts.
"""

from collections.abc import Hashable, Sequence

from tuneproof.audit.association import (
    Association,
    cramers_v,
    out_of_fold_auc,
    point_biserial,
    too_few,
)
from tuneproof.audit.dimension import Dimension, SubScore
from tuneproof.audit.text import prefix, statement, words
from tuneproof.pairs import DatingPair


def bias(pairs: Sequence[DatingPair]) -> Dimension:
    """Mean of gender, category, length and vocabulary by label.

    Args:
        pairs: The pairs that are trained on, at least one.
    """
    return Dimension.of(
        "Bias",
        gender_by_label=gender_by_label(pairs),
        category_by_label=category_by_label(pairs),
        length_by_label=length_by_label(pairs),
        vocabulary_by_label=vocabulary_by_label(pairs),
    )


def gender_by_label(pairs: Sequence[DatingPair]) -> SubScore:
    """Does the label depend on the prefixes, whatever they are, in [0, 100].

    100 * (1 - V), V the largest Cramer's V (`cramers_v`) of the label with the prefix of text_1,
    with that of text_2, and with the combination of both. Texts without a prefix are left out.
    """
    name = "Gender by label"
    genders = [(prefix(pair.text_1), prefix(pair.text_2), pair.label) for pair in pairs]
    sides: dict[str, list[tuple[Hashable, int]]] = {
        "text_1": [(first, label) for first, _, label in genders if first],
        "text_2": [(second, label) for _, second, label in genders if second],
        "both texts": [((a, b), label) for a, b, label in genders if a and b],
    }
    found = [
        (association, f"prefix of {side}")
        for side, rows in sides.items()
        if (association := cramers_v([v for v, _ in rows], [label for _, label in rows]))
    ]
    if found:
        return _chi_squared_score(name, *max(found))
    if not any(sides.values()):
        return SubScore.not_applicable(name, "no text has a prefix")
    varied = any(len({value for value, _ in rows}) > 1 for rows in sides.values())
    return SubScore.not_applicable(
        name,
        too_few([pair.label for pair in pairs]) or "too few pairs with a prefix"
        if varied
        else "each side has one prefix only",
    )


def category_by_label(pairs: Sequence[DatingPair]) -> SubScore:
    """Does the label depend on the category, in [0, 100]: 100 * (1 - V) (`cramers_v`)."""
    name = "Category by label"
    categories = [pair.category for pair in pairs]
    labels = [pair.label for pair in pairs]
    association = cramers_v(categories, labels)
    if association is None:
        one = "one category only" if len(set(categories)) == 1 else "almost one category a pair"
        return SubScore.not_applicable(name, too_few(labels) or one)
    return _chi_squared_score(name, association, f"{len(set(categories))} categories")


def length_by_label(pairs: Sequence[DatingPair]) -> SubScore:
    """Does the label depend on the number of words, in [0, 100].

    100 * (1 - |r|), |r| the largest point-biserial correlation (`point_biserial`) of the label with
    the words of statement 1, of statement 2 and of both.
    """
    name = "Length by label"
    labels = [pair.label for pair in pairs]
    lengths = [tuple(len(words(statement(text))) for text in pair.texts) for pair in pairs]
    sides = {
        "text_1": [first for first, _ in lengths],
        "text_2": [second for _, second in lengths],
        "both texts": [first + second for first, second in lengths],
    }
    found = [
        (association, side)
        for side, values in sides.items()
        if (association := point_biserial(values, labels))
    ]
    if not found:
        return SubScore.not_applicable(name, too_few(labels) or "all texts have the same length")
    association, side = max(found)
    return SubScore.from_share(
        name,
        1 - association.size,
        f"words of {side}: |r| = {association.size:.2f}, p = {association.p_value:.2g}",
    )


def vocabulary_by_label(pairs: Sequence[DatingPair]) -> SubScore:
    """Do the words of one text alone tell the label, in [0, 100].

    100 * (1 - max(0, 2 AUC - 1)), AUC the larger of those with which the words of text_1 alone and
    of text_2 alone predict the label of pairs with unseen texts (`out_of_fold_auc`). One partner's
    words should tell nothing of compatibility; where they do, a model need not read the pair.
    """
    name = "Vocabulary by label"
    outcomes = {
        side: out_of_fold_auc([words(statement(getattr(pair, side))) for pair in pairs], pairs)
        for side in ("text_1", "text_2")
    }
    found = [(auc, side) for side, auc in outcomes.items() if isinstance(auc, float)]
    if not found:
        return SubScore.not_applicable(name, str(outcomes["text_1"]))
    auc, side = max(found)
    return SubScore.from_share(
        name,
        1 - max(0.0, 2 * auc - 1),
        f"the words of {side} alone predict the label with AUC {auc:.2f} (0.5 is chance)",
    )


def _chi_squared_score(name: str, association: Association, subject: str) -> SubScore:
    return SubScore.from_share(
        name,
        1 - association.size,
        f"{subject}: Cramer's V {association.size:.2f}, chi-squared p = {association.p_value:.2g} "
        f"({association.n} pairs)",
    )
