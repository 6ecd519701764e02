"""Each claim and each threat on data made so that it must appear, and on data where it must not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.comparison.examples import (
    ALARMS,
    GRADES,
    KNOWS_LANGUAGE,
    N,
    audited,
    compared,
    measured,
    noisy,
    options_with,
    origin,
    some_pairs,
    untelling,
)
from tuneproof.audit.shortcuts import describe
from tuneproof.comparison.verdict import find_threats, near_probes
from tuneproof.comparison.wording import chance, span, with_span
from tuneproof.instructions import Instructions, describe_instructions
from tuneproof.manifest import Environment
from tuneproof.measurement.records import BaselineMetrics
from tuneproof.metrics.uncertainty import Interval
from tuneproof.pairs import DatingPair

LABELS = np.arange(N) % 2
PURE = [LABELS] * 2
LEAKED = np.arange(N) % 8 < 2


def verdict(after: dict[str, Any] | None = None, **before: Any) -> list[str]:
    """What is said of LoRA after a baseline, both of middling skill unless changed."""
    first = measured("baseline", **{"cosines": noisy(0.15, 1), **before})
    second = measured("lora", **{"cosines": noisy(0.15, 1), **before, **(after or {})})
    return compared(first, second).verdict


def threats(cosines: np.ndarray | None = None, **changes: Any) -> list[str]:
    """What is held against one model."""
    model = measured("lora", noisy(0.3, 1) if cosines is None else cosines, **changes)
    return find_threats([model.metrics], untelling(), options_with())


def one(sentences: list[str], *parts: str) -> str:
    """Return the only sentence that holds all parts."""
    (found,) = [each for each in sentences if all(part in each for part in parts)]
    return found


def none(sentences: list[str], part: str) -> bool:
    return not any(part in each for each in sentences)


class TestHeadline:
    def test_a_better_model_is_said_to_be_better_with_numbers_and_intervals(self) -> None:
        first = measured("baseline", noisy(0.05, 1))
        second = measured("lora", noisy(0.6, 2), clusters=PURE)
        found = compared(first, second)
        sentence = one(found.verdict, "LoRA fine-tuning (lora) is better than the base model: ")
        changes = found.differences[0].metrics
        for metric, name in (
            ("auc_roc", "AUC"),
            ("spearman_correlation", "Spearman"),
            ("compatibility_margin", "the margin"),
            ("cohens_d", "Cohen's d"),
            ("best_f1", "F1"),
        ):
            each = changes[metric]
            told = (
                f"{name} from {each.before:.3f} to {each.after:.3f}, {each.difference:+.3f} "
                f"{span(each.interval)}"
            )
            assert told in sentence
        largest = max(each.adjusted_p_value or 0 for each in changes.values())
        assert sentence.endswith(f"(Holm-adjusted p at most {chance(largest)}).")
        assert "purity" not in sentence
        assert none(found.verdict, "is worse")
        assert none(found.verdict, "Not shown")

    def test_a_worse_model_is_said_to_be_worse(self) -> None:
        found = verdict({"cosines": noisy(0.0, 2)}, cosines=noisy(0.6, 1))
        assert "AUC from 0.9" in one(found, "LoRA fine-tuning (lora) is worse than the base model")
        assert none(found, "is better")

    def test_the_same_model_shows_nothing(self) -> None:
        found = verdict()
        assert none(found, "is better")
        assert none(found, "is worse")
        for name in ("AUC", "Spearman", "the margin", "F1"):
            sentence = one(
                found,
                f"Not shown: that LoRA fine-tuning (lora) differs from the base model in {name},",
            )
            assert "+0.000 no interval" in sentence
        assert "adjusted p 1." in one(found, "the base model in AUC")
        warning = one(found, "Warning: lora")
        assert "gives the cosines of the base model" in warning

    def test_a_margin_may_rise_while_the_ranking_falls(self) -> None:
        # Two groups of incompatible pairs: one far below, one just above the compatible ones.
        before = np.where(LABELS == 1, 0.5, 0.45) + 0.02 * np.sin(np.arange(N))
        high = (LABELS == 0) & (np.arange(N) % 4 == 0)
        after = np.where(high, 0.6, np.where(LABELS == 1, 0.5, -0.5)) + 0.02 * np.sin(np.arange(N))
        found = verdict({"cosines": after}, cosines=before)
        assert "the margin from" in one(found, "is better than the base model")
        assert "AUC from" in one(found, "is worse than the base model")

    def test_variants_are_held_against_each_other_too(self) -> None:
        found = compared(
            measured("baseline", noisy(0.05, 1)),
            measured("standard", noisy(0.6, 2)),
            measured("lora", noisy(0.1, 3)),
        ).verdict
        assert one(found, "LoRA fine-tuning (lora) is worse than full fine-tuning (standard): AUC")


class TestInShort:
    def test_it_says_where_the_ranking_is_shown_to_have_changed(self) -> None:
        leaked = np.arange(N) < N // 2
        after = np.where(leaked, noisy(0.8, 2), noisy(0.0, 1))
        _, first, *_ = verdict(
            {"cosines": after},
            cosines=noisy(0.0, 1),
            columns={"shares_text": leaked, "clean": ~leaked},
        )
        assert first == (
            "In short, LoRA fine-tuning (lora): it is shown to rank better than the base model on "
            "the 80 eval pairs; no difference in ranking is shown on the 40 pairs that share no "
            "text with the train and validation pairs. Warnings: none."
        )
        _, first, *_ = verdict({"cosines": noisy(0.0, 1)}, cosines=noisy(0.8, 2))
        assert "lora): it is shown to rank worse than the base model on the 80 eval pairs" in first

    def test_it_counts_the_warnings_below_it(self) -> None:
        forgetful = np.random.default_rng(0).uniform(0.3, 0.5, len(GRADES))
        _, first, *told = verdict({"general": forgetful, "cosines": noisy(0.15, 2)})
        assert sum(sentence.startswith("Warning: ") for sentence in told) == 2
        assert first.endswith(" Warnings: 2.")

    def test_it_claims_of_all_pairs_no_more_than_holms_correction_lets_stand(self) -> None:
        found = compared(measured("baseline", noisy(0.1, 5)), measured("lora", noisy(0.22, 105)))
        auc = found.differences[0].metrics["auc_roc"]
        assert auc.interval is not None
        assert auc.interval.low > 0
        assert auc.outcome == "not shown"
        assert "no difference in ranking is shown on the 80 eval pairs" in found.verdict[1]

    @pytest.mark.parametrize("signal", [-0.6, 0.1, 0.22, 0.6])
    @pytest.mark.parametrize("seed", [2, 5, 8])
    def test_it_never_contradicts_the_headline(self, signal: float, seed: int) -> None:
        # All pairs are clean and of one pair type: every subset is all of them.
        found = verdict({"cosines": noisy(signal, seed + 100)}, cosines=noisy(0.1, seed))
        in_short = one(found, "In short, ")
        for word in ("better", "worse"):
            claims = f"rank {word} than the base model on the 80 eval pairs" in in_short
            headline = f"lora) is {word} than the base model: AUC"
            assert claims != none(found, headline)
        assert none(found, "lora: on the 80 pairs")
        assert in_short.count("80") == 1


class TestAgainstChance:
    @pytest.mark.parametrize(
        ("signal", "claim"),
        [
            (0.4, "it ranks better than chance."),
            (-0.4, "it ranks worse than chance."),
            (0.0, "that it differs from chance is not shown."),
        ],
    )
    def test_every_model_is_held_against_chance(self, signal: float, claim: str) -> None:
        models = measured("baseline", noisy(signal, 1)), measured("lora", noisy(signal, 2))
        found = compared(*models).verdict
        for model, name in zip(models, ("The base model", "LoRA fine-tuning (lora)"), strict=True):
            p_value = chance(model.metrics.permutation_p_values["auc_roc"])
            interval = model.metrics.intervals["auc_roc"]
            assert interval is not None
            assert one(found, f"{name} has an AUC of ") == (
                f"{name} has an AUC of {with_span(model.metrics.auc_roc, interval)} on the 80 eval "
                f"pairs (p of no association {p_value}): {claim}"
            )

    def test_a_model_that_never_errs_is_better_although_no_resample_differs(self) -> None:
        perfect = np.where(LABELS == 1, 0.9, 0.1) + 0.05 * np.sin(np.arange(N))
        sentence = one(verdict({"cosines": perfect}), "LoRA fine-tuning (lora) has an AUC")
        assert "1.000 no interval" in sentence
        assert sentence.endswith("it ranks better than chance.")

    def test_pairs_that_hang_together_show_nothing(self) -> None:
        # One group: neither an interval nor a permutation.
        pairs = some_pairs(LABELS.tolist(), text_1=["boy: a"] * N)
        found = verdict({"cosines": noisy(0.8, 2)}, pairs=pairs)
        sentence = one(found, "LoRA fine-tuning (lora) has an AUC")
        assert "no interval on the 80 eval pairs (p of no association n/a)" in sentence
        assert sentence.endswith("is not shown.")


class TestPurity:
    @pytest.mark.parametrize("clusters", [PURE, [np.arange(N) // 10] * 2, [[0] * N] * 2])
    def test_it_is_told_with_chance_and_seeds_and_never_judged(self, clusters: Any) -> None:
        first = measured("baseline", noisy(0.1, 1), clusters=[np.arange(N) // 20] * 2)
        second = measured("lora", noisy(0.6, 2), clusters=clusters)
        found = compared(first, second)
        for metric, kind in (("text_clusters", "texts"), ("pair_clusters", "pairs")):
            before, after = (getattr(m.metrics, metric) for m in (first, second))
            assert one(found.verdict, f"mean purity of the clusters of {kind}") == (
                f"lora: mean purity of the clusters of {kind} over 2 seeds "
                f"{before.mean_purity:.3f} before and {after.mean_purity:.3f} after; the first "
                f"seed's would be {after.chance_purity:.3f} by chance (not tested)."
            )
        for word in ("better", "worse", "Not shown"):
            assert all("purity" not in each for each in found.verdict if word in each)


def test_a_share_of_the_ceiling_that_ties_push_beyond_it_is_not_told() -> None:
    tied = np.where(LABELS == 1, 0.8, 0.2)
    assert (measured("lora", tied).metrics.share_of_spearman_ceiling or 0) > 1
    assert none(verdict({"cosines": tied}), "the most that these labels allow")


def test_the_ceiling_and_the_decisions_are_told() -> None:
    first, second = measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.4, 2))
    found = compared(first, second)
    share = second.metrics.share_of_spearman_ceiling
    assert share is not None
    assert f"{share:.1%} of 0.8661, the most" in one(found.verdict, "lora: Spearman 0.")
    flipped = found.differences[0].decisions
    assert one(
        found.verdict,
        f"lora: {flipped.gained} decisions turn right and {flipped.lost} turn wrong",
        f"(p = {chance(flipped.group_p_value)} by exchanging groups; McNemar's p of "
        f"{chance(flipped.p_value)} takes pairs as independent)",
        f"false positives {first.metrics.decisions.false_positives} to "
        f"{second.metrics.decisions.false_positives} of 40",
    )


class TestSubsets:
    def test_skill_on_leaked_pairs_alone_is_not_shown_on_the_others(self) -> None:
        leaked = np.arange(N) < N // 2
        columns = {"shares_text": leaked, "clean": np.arange(N) >= 48}
        after = np.where(leaked, noisy(0.8, 2), noisy(0.0, 1))
        found = verdict({"cosines": after}, cosines=noisy(0.0, 1), columns=columns)
        assert "AUC from" in one(found, "is better than the base model")
        for name in ("40 pairs that share no text", "32 pairs without any leak"):
            # The cosines of these pairs are the same for both models.
            sentence = one(found, f"lora: on the {name}")
            assert "AUC is not shown to change: 0." in sentence
            assert sentence.endswith(", +0.000 no interval.")

    def test_a_change_on_a_subset_has_its_direction(self) -> None:
        columns = {"clean": np.arange(N) < 60}
        found = verdict({"cosines": noisy(0.8, 2)}, cosines=noisy(0.0, 1), columns=columns)
        assert one(found, "lora: on the 60 pairs without any leak or near duplicate", "AUC rises: ")
        found = verdict({"cosines": noisy(0.0, 2)}, cosines=noisy(0.8, 1), columns=columns)
        assert one(found, "lora: on the 60 pairs without any leak or near duplicate", "AUC falls: ")

    def test_pairs_too_few_or_none_or_all_are_not_told_apart(self) -> None:
        for clean in (29, 30, N):
            columns = {"clean": np.arange(N) < clean}
            found = verdict({"cosines": noisy(0.8, 2)}, cosines=noisy(-0.8, 1), columns=columns)
            assert none(found, f"the {clean} pairs without any leak") == (clean != 30)
        assert none(found, "subcategories that training never saw")

    def test_the_same_pairs_are_told_of_once_and_others_as_many_are_not_forgotten(self) -> None:
        half = np.arange(N) < N // 2
        same = verdict({"cosines": noisy(0.8, 2)}, columns={"shares_text": half, "clean": ~half})
        assert one(same, "lora: on the 40 pairs that share no text")
        assert none(same, "40 pairs without any leak")
        other = verdict({"cosines": noisy(0.8, 2)}, columns={"shares_text": half, "clean": half})
        assert one(other, "lora: on the 40 pairs that share no text")
        assert one(other, "lora: on the 40 pairs without any leak")

    def test_unseen_subcategories_are_told_where_there_are_some(self) -> None:
        found = verdict(columns={"unseen_subcategory": np.arange(N) < 40})
        assert one(found, "lora: on the 40 pairs of subcategories that training never saw AUC")
        assert none(found, "there are no pairs")


class TestLosses:
    def test_nothing_lost_is_no_warning(self) -> None:
        found = verdict({"cosines": noisy(0.15, 2)})
        assert "(not shown)" in one(found, "general-language pairs Spearman with their grades")
        assert "(not shown)" in one(found, "mean cosine of unrelated general sentences")
        assert none(found, "Warning: lora")

    def test_forgetting_is_warned_of(self) -> None:
        found = verdict({"general": np.random.default_rng(0).uniform(-0.2, 0.2, len(GRADES))})
        sentence = one(found, "Warning: lora: on 60 general-language pairs Spearman with")
        assert "goes 0.976 to" in sentence

    @pytest.mark.parametrize(("rise", "warned"), [(0.3, True), (0.05, False), (-0.3, False)])
    def test_a_rise_of_unrelated_cosines_is_warned_of_beyond_the_alarm(
        self, rise: float, warned: bool
    ) -> None:
        found = verdict({"general": np.where(GRADES == 0, KNOWS_LANGUAGE + rise, KNOWS_LANGUAGE)})
        sentence = one(found, "the mean cosine of unrelated general sentences goes")
        assert sentence.startswith("Warning: lora") == warned
        assert f"{rise:+.3f}" in sentence
        assert "(not shown)" not in sentence

    @pytest.mark.parametrize(("dimensions", "warned"), [(3, True), (12, False)])
    def test_collapse_is_warned_of_below_the_alarm(self, dimensions: int, warned: bool) -> None:
        random = np.random.default_rng(0)
        vectors = np.zeros((N, 2, 16), dtype=np.float32)
        vectors[:, :, :dimensions] = random.normal(size=(N, 2, dimensions))
        sentence = one(verdict({"vectors": vectors}), "effective dimensions before and")
        assert sentence.startswith("Warning: lora") == warned
        assert f"15.{sentence.partition('use 15.')[2][:1]} effective" in sentence
        assert "after, of 16; two different eval texts have a mean cosine of" in sentence

    @pytest.mark.parametrize(("common", "warned"), [(6.0, True), (0.5, False)])
    def test_texts_that_move_to_one_side_are_warned_of(self, common: float, warned: bool) -> None:
        vectors = np.random.default_rng(0).normal(size=(N, 2, 16)).astype(np.float32)
        vectors[:, :, 0] += common
        sentence = one(verdict({"vectors": vectors}), "effective dimensions before and")
        assert sentence.startswith("Warning: lora") == warned

    def test_swapped_prefixes_are_told_where_there_are_any(self) -> None:
        moved = noisy(0.15, 1) + 0.01 * (1.5 + np.sin(np.arange(N)))
        sentence = one(verdict(columns={"swapped_cosine": moved}), "lora: exchanging the prefixes")
        assert "boy and girl moves the cosine by 0.015 [0.01" in sentence
        assert none(verdict(), "exchanging the prefixes")


class TestProbes:
    TOLD = some_pairs(
        [row % 2 for row in range(120)],
        text_2=[f"girl: {'yes' if row % 2 else 'no'} b{row}" for row in range(120)],
    )

    def test_a_text_that_gives_the_label_away_is_said_beside_the_headline(self) -> None:
        quality = audited(self.TOLD[:60], self.TOLD[60:])
        probe = next(each for each in quality.probes if each.name == "text_2 alone")
        assert probe.auc is not None
        assert probe.auc > 0.95
        found = compared(
            measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.8, 2)), quality=quality
        )
        (sentence,) = found.beside_headline
        assert sentence in found.verdict
        assert f"text_2 alone {with_span(probe.auc, probe.interval)}" in sentence
        assert "text_1 alone" not in sentence
        assert sentence.startswith("Warning: lora's AUC of ")

    def test_probes_far_below_the_model_are_not(self) -> None:
        found = compared(measured("baseline", noisy(0.1, 1)), measured("lora", noisy(0.8, 2)))
        assert found.beside_headline == []
        assert none(found.verdict, "proves less than it seems")

    @pytest.mark.parametrize(
        ("auc", "near"), [(0.951, True), (0.949, False), (1.0, True), (None, False)]
    )
    def test_how_near_is_near(self, auc: float | None, near: bool) -> None:
        model = measured("lora", np.where(LABELS == 1, 0.9, 0.1) + 0.05 * np.sin(np.arange(N)))
        assert model.metrics.auc_roc == 1
        known = untelling().probes[0].model_copy(update={"auc": auc, "interval": Interval(0.9, 1)})
        quality = untelling().model_copy(update={"probes": [known]})
        assert bool(near_probes(model.metrics, quality, ALARMS)) == near

    @pytest.mark.parametrize(
        ("auc", "interval", "near"),
        [
            (0.7, Interval(0.55, 0.8), True),
            (0.7, Interval(0.5, 0.8), False),
            (0.9, Interval(0.45, 0.99), False),
            (0.9, None, False),
            (1.0, None, True),  # it never errs, so that no resample differs
        ],
    )
    def test_a_probe_must_surely_tell(
        self, auc: float, interval: Interval | None, near: bool
    ) -> None:
        model = measured("lora", noisy(0.15, 1)).metrics
        assert model.auc_roc < 0.8
        update = {"name": "token overlap", "auc": auc, "interval": interval}
        known = untelling().probes[0].model_copy(update=update)
        quality = untelling().model_copy(update={"probes": [known]})
        found = near_probes(model, quality, replace(ALARMS, probe_gap=0.2))
        assert bool(found) == near
        if near:
            # Token overlap does compare the texts, though it knows no meaning.
            assert f"with no model of meaning token overlap {with_span(auc, interval)}" in found[0]

    @pytest.mark.parametrize("signal", [0.0, -0.8])
    def test_nothing_comes_near_a_model_not_shown_to_beat_chance(self, signal: float) -> None:
        model = measured("lora", noisy(signal, 1))
        known = untelling().probes[0].model_copy(update={"auc": 0.9, "interval": Interval(0.8, 1)})
        quality = untelling().model_copy(update={"probes": [known]})
        assert near_probes(model.metrics, quality, ALARMS) == []


def two_types(name: str) -> list[DatingPair]:
    return some_pairs(pair_type=[name if row < N // 2 else "hard" for row in range(N)])


class TestThreats:
    def test_a_mixture_of_pair_types_makes_the_auc(self) -> None:
        mixed = np.where(np.arange(N) < N // 2, noisy(0.9, 1), noisy(0.0, 2))
        found = threats(mixed, pairs=two_types("easy"), columns={"shares_text": LEAKED})
        sentence = one(found, "lora's AUC depends on the mixture of pairs: ")
        for name, kept in (("easy", slice(N // 2, N)), ("hard", slice(N // 2))):
            auc = roc_auc_score(LABELS[kept], mixed[kept])
            assert f"{auc:.3f} without pair type {name} (change " in sentence
        assert "on the 60 pairs that share no text with train" in sentence
        alone = one(threats(mixed, pairs=two_types("easy")), "on the mixture of pairs")
        assert "share no text" not in alone
        even = threats(noisy(0.9, 1), pairs=two_types("easy"))
        assert none(even, "depends on the mixture")

    def test_instructions_are_told_as_unequal_inputs(self) -> None:
        """Of the model that reads them alone, with what the category tells by itself."""
        instructions = Instructions({"c": "Values first."}, default=None)
        trained = origin("instructed", parameters=describe_instructions(instructions))
        reading = measured("instructed", noisy(0.3, 1), manifest=origin(model=trained))
        assert reading.metrics.model == "instructed"
        bare = measured("standard", noisy(0.3, 1), manifest=origin(model=origin("standard")))
        models = [each.metrics for each in (bare, reading)]
        found = one(find_threats(models, untelling(), options_with()), "not compared on equal")
        assert found.startswith("instructed reads an instruction before both texts")
        (probe,) = [each for each in untelling().probes if each.name == "category"]
        assert describe(probe) in found
        assert none(find_threats(models[:1], untelling(), options_with()), "instruction")

    def test_a_mixture_is_rarely_seen_where_there_is_none(self) -> None:
        told, shifted = 0, 0
        for seed in range(24):
            model = measured("lora", noisy(0.1, seed), two_types("easy"))
            found = find_threats([model.metrics], untelling(), options_with())
            told += not none(found, "depends on the mixture")
            shifted += any(
                abs(each.change or 0) >= ALARMS.mixture_shift
                for each in model.metrics.without_pair_type.values()
            )
        # Half of the pairs move the AUC by as much often; 5 of 24 has p < 0.01 at a level of 0.05.
        assert shifted >= 8
        assert told < 5

    def test_a_hostile_name_is_printed_and_not_obeyed(self) -> None:
        mixed = np.where(np.arange(N) < N // 2, noisy(0.9, 1), noisy(0.0, 2))
        sentence = one(threats(mixed, pairs=two_types("\x1b[31m\nevil")), "on the mixture")
        assert sentence.isprintable()
        assert r"\x1b[31m\nevil" in sentence

    def test_a_threshold_that_calls_all_compatible(self) -> None:
        sentence = one(threats(threshold=-0.8), "calls 80 of 80 pairs compatible")
        assert "threshold of -0.80" in sentence
        assert sentence.endswith("calling every pair compatible gives 0.667 and 0.500")
        assert none(threats(threshold=0.5), "calling every pair")

    @pytest.mark.parametrize("called", [0, 3, 4, 5, 75, 76, 77, 80])
    def test_a_threshold_that_calls_almost_all_alike(self, called: int) -> None:
        cosines = np.where(np.arange(N) < called, 0.8, 0.2) + 0.01 * np.sin(np.arange(N))
        found = threats(cosines)
        decides = 5 <= called <= 75
        assert decides == none(found, f"calls {called} of 80 pairs compatible")

    def test_models_measured_by_different_software(self) -> None:
        def metrics(model: str, commit: str, torch: str) -> BaselineMetrics:
            where = Environment(python="3", libraries={"torch": torch}, git_commit=commit)
            return measured(model, noisy(0.3, 1), manifest=origin(model, environment=where)).metrics

        models = [metrics("baseline", "a", "1"), metrics("standard", "a", "1")]
        told = "different commits of the project or versions of its libraries"
        assert none(find_threats(models, untelling(), options_with()), told)
        for commit, torch in (("b", "1"), ("a", "2")):
            mixed = [*models, metrics("lora", commit, torch)]
            sentence = one(find_threats(mixed, untelling(), options_with()), told)
            assert "(baseline, standard; lora)" in sentence

    def test_several_variants_are_several_comparisons(self) -> None:
        models = [measured(m, noisy(0.3, 1)).metrics for m in ("baseline", "standard", "lora")]
        told = "variants are held against the base model"
        assert one(find_threats(models, untelling(), options_with()), f"2 {told}")
        assert none(find_threats(models[:2], untelling(), options_with()), told)

    @pytest.mark.parametrize(("moved", "reads"), [(0.2, True), (0.01, False), (np.nan, False)])
    def test_a_model_that_reads_the_prefixes(self, moved: float, reads: bool) -> None:
        cosines = np.clip(noisy(0.1, 1), -0.7, 0.7)
        flipped = int(((cosines < 0.5) & (cosines + moved >= 0.5)).sum())
        swaying = moved * (1 + 0.01 * np.sin(np.arange(N)))
        found = threats(cosines, columns={"swapped_cosine": cosines + swaying})
        assert none(found, "reads the prefixes") != reads
        if reads:
            sentence = one(found, "lora reads the prefixes: exchanging the prefixes boy and girl")
            assert "moves the cosine by 0.200 [0." in sentence
            assert f"flips {flipped} of 80 decisions" in sentence

    def test_purity_that_chance_gives(self) -> None:
        by_chance = [np.random.default_rng(seed).integers(0, 8, N) for seed in (0, 0)]
        for kind in ("texts", "pairs"):
            sentence = one(threats(clusters=by_chance), f"cluster purity of {kind}, 0.")
            assert "is what chance gives (mean 0." in sentence
        assert none(threats(clusters=PURE), "chance gives")

    def test_purity_that_depends_on_the_seed(self) -> None:
        unstable = [LABELS, np.arange(N) // 10]
        for kind in ("texts", "pairs"):
            sentence = one(threats(clusters=unstable), f"purity of {kind} depends on the seed")
            assert "standard deviation 0.354 over 2 seeds" in sentence  # of 1 and 0.5
        assert none(threats(clusters=PURE), "depends on the seed")

    @pytest.mark.parametrize(("clean", "few"), [(29, True), (30, False)])
    def test_few_clean_pairs(self, clean: int, few: bool) -> None:
        found = threats(columns={"clean": np.arange(N) < clean})
        sentence = f"{clean} pairs without any leak or near duplicate: too few"
        assert none(found, sentence) != few

    def test_what_is_true_of_any_evaluation_is_always_said(self) -> None:
        found = threats(pairs=two_types("easy"))
        assert one(found, "3 categories and pair types are looked at", "one in twenty")
        assert one(found, "not how much another training run would differ")

    def test_few_groups_or_one_that_holds_most_pairs(self) -> None:
        for groups, largest in (([0] * N, N), ([0] * 41 + [*range(1, 40)], 41)):
            pairs = some_pairs(LABELS.tolist(), text_1=[f"boy: a{group}" for group in groups])
            model = measured("lora", noisy(0.8, 1), pairs)
            assert set(model.metrics.permutation_p_values.values()) == {None}
            found = find_threats([model.metrics], untelling(), options_with())
            assert one(found, "little can be shown on them") == (
                f"the 80 eval pairs hang together in {len(set(groups))} groups that share texts, "
                f"the largest of {largest}: little can be shown on them"
            )
        assert none(threats(), "hang together")

    @pytest.mark.parametrize(
        ("criterion", "threat"),
        [
            (">= 0.84", None),  # an AUC of 0.985
            (">= 0.86", "needs an AUC of 0.99648: these labels allow 0.8661 without tied cosines"),
            (">= 0.87", "is out of reach: these labels allow 0.8661 without tied cosines"),
        ],
    )
    def test_a_criterion_near_or_beyond_the_ceiling(
        self, criterion: str, threat: str | None
    ) -> None:
        options = options_with(spearman_correlation=criterion)
        model = measured("baseline", noisy(0.3, 1))
        found = find_threats([model.metrics], untelling(), options)
        if threat is None:
            assert none(found, "the criterion Spearman")
        else:
            assert f"the criterion Spearman {criterion} {threat}" in found
