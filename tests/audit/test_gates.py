import pytest

from tuneproof.audit.gates import (
    Action,
    ConflictGate,
    GateOptions,
    LeakageGate,
    OverallGate,
    check_gates,
    failed_gates,
)


def gates(action: Action) -> GateOptions:
    return GateOptions(OverallGate(60, action), LeakageGate(0.1, action), ConflictGate(2, action))


def test_equality_passes() -> None:
    assert all(outcome.passed for outcome in check_gates(60.0, 0.1, 2, gates("fail")))
    assert failed_gates(check_gates(60.0, 0.1, 2, gates("fail"))) == []


@pytest.mark.parametrize(
    ("found", "name"),
    [((59.9, 0.1, 2), "overall"), ((60.0, 0.11, 2), "leakage"), ((60.0, 0.1, 3), "conflicts")],
)
def test_each_gate_stops_at_its_own_fault(found: tuple[float, float, int], name: str) -> None:
    outcomes = check_gates(*found, gates("fail"))
    assert [outcome.name for outcome in outcomes if not outcome.passed] == [name]
    (message,) = failed_gates(outcomes)
    assert message.startswith(f"data_quality.gates.{name}: ")


@pytest.mark.parametrize("action", ["warn", "off"])
def test_only_fail_stops(action: Action) -> None:
    outcomes = check_gates(0.0, 1.0, 99, gates(action))
    assert not any(outcome.passed for outcome in outcomes)
    assert failed_gates(outcomes) == []


def test_a_message_says_what_was_found_and_expected() -> None:
    messages = failed_gates(check_gates(41.25, 0.75, 3, gates("fail")))
    assert messages == [
        "data_quality.gates.overall: overall score 41.2, expected 60 at least",
        "data_quality.gates.leakage: 75.0% of the eval pairs share a text with train or come near "
        "to one, expected 10.0% at most",
        "data_quality.gates.conflicts: 3 rows in label conflicts, expected 2 at most",
    ]


def test_no_eval_pair_leaks_nothing() -> None:
    leakage = check_gates(60.0, None, 0, gates("fail"))[1]
    assert (leakage.found, leakage.passed) == (None, True)
