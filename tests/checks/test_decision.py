"""The rule: every P0 passes, at most two P1 fail, P2 and P3 never block, unknown is no pass."""

import itertools

import pytest

from checks.criteria.decision import GO, NO_GO, PRIORITIES, STATUSES, Judged, decide

ALL_WELL = [Judged(id="a.b", priority="P0", status="PASS")]


def judged(*pairs):
    return [
        Judged(id=f"check.{number}", priority=priority, status=status)
        for number, (priority, status) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ([], GO),
        ([("P1", "PASS")] * 9, GO),
        ([("P1", "FAIL")], GO),
        ([("P1", "FAIL")] * 2, GO),
        ([("P1", "FAIL"), ("P1", "UNKNOWN")], GO),
        ([("P1", "FAIL")] * 3, NO_GO),
        ([("P1", "FAIL")] * 2 + [("P1", "UNKNOWN")], NO_GO),
        ([("P1", "UNKNOWN")] * 3, NO_GO),
        ([("P0", "FAIL")], NO_GO),
        ([("P0", "UNKNOWN")], NO_GO),
        ([("P2", "FAIL")] * 50 + [("P3", "UNKNOWN")] * 50, GO),
        ([("P0", "")], NO_GO),
        ([("P0", "pass")], NO_GO),
        ([("P9", "FAIL")], NO_GO),
    ],
)
def test_the_rule(more, word):
    assert decide([*ALL_WELL, *judged(*more)]).word == word


def test_an_empty_run_is_no_go():
    assert decide([]).word == NO_GO
    assert not decide([]).go


@pytest.mark.parametrize("priority", ["P1", "P2", "P3"])
def test_a_run_without_a_critical_check_is_no_go(priority):
    assert decide(judged((priority, "PASS"))).word == NO_GO


def test_every_small_run_is_decided_as_the_sentence_of_the_specification_says():
    kinds = list(itertools.product(PRIORITIES, STATUSES))
    for pairs in itertools.combinations_with_replacement(kinds, 4):
        p0 = [status for priority, status in pairs if priority == "P0"]
        p1_bad = sum(priority == "P1" and status != "PASS" for priority, status in pairs)
        go = bool(p0) and all(status == "PASS" for status in p0) and p1_bad <= 2
        decision = decide(judged(*pairs))
        assert decision.go is go, pairs
        assert sum(n for row in decision.counts.values() for n in row.values()) == 4
        assert bool(decision.blocking) is (not go and bool(p0)) or not p0


def test_the_sentence_names_what_stands_in_the_way():
    decision = decide([*ALL_WELL, *judged(("P0", "FAIL"), ("P1", "FAIL"), ("P0", "UNKNOWN"))])

    assert decision.sentence == "No-go: 2 critical checks did not pass (check.0, check.2)."
    assert decision.blocking == ("check.0", "check.2")
    assert decision.counts["P0"] == {"PASS": 1, "FAIL": 1, "UNKNOWN": 1}


def test_a_go_with_warnings_says_so():
    decision = decide([*ALL_WELL, *judged(("P1", "FAIL"), ("P2", "FAIL"))])

    assert decision.sentence == (
        "Go: all 1 critical checks passed; 1 of at most 2 P1 did not (check.0); "
        "1 of lower priority did not."
    )
