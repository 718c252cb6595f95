"""What may trade with play money, and what a profile for it may not."""

import pytest

from trading.config.schema import ConfigProblems, parse, phase_problems, play_problems, to_limits

PLAY = {"DRY_RUN": False, "PLAY_MONEY": True}


def test_it_is_not_paper():
    assert [p.field for p in play_problems(parse({}, strict=True))] == ["DRY_RUN"]
    with pytest.raises(ConfigProblems, match="paper is no play money"):
        parse({"PLAY_MONEY": True}, strict=True)


def test_a_profile_of_a_live_phase_may_be_rehearsed_with_it():
    assert play_problems(parse({"DRY_RUN": False}, strict=True)) == []


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_its_profile_is_refused_in_each_phase_with_real_money(phase):
    (problem,) = phase_problems(parse(PLAY, strict=True), phase)

    assert problem.field == "PLAY_MONEY"
    assert f"phase {phase} trades with real money" in problem.problem


@pytest.mark.parametrize(
    ("name", "most", "too_much"),
    [
        ("TRADE_SIZE", "20", "20.000001"),
        ("MAX_POSITION_SIZE", "200", "200.01"),
        ("MAX_DAILY_LOSS", "20", "20.01"),
    ],
)
def test_it_is_bound_as_the_last_phase_is(name, most, too_much):
    play = {**PLAY, "MAX_POSITION_SIZE": "100"}

    assert play_problems(parse({**play, name: most}, strict=True)) == []
    (problem,) = play_problems(parse({**play, name: too_much}, strict=True))
    assert (problem.field, most in problem.remedy) == (name, True)
    assert "of play money" in problem.problem


def test_the_engine_has_the_same_ceiling():
    play = parse(PLAY, strict=True)

    assert to_limits(play, play_money=True).live_ceiling_micro == 20_000_000
    assert to_limits(play).live_ceiling_micro == 6_000_000
    assert to_limits(parse({}, strict=True), play_money=True).live_ceiling_micro == 0
