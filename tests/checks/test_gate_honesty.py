"""No false pass: thousands of situations, each judged by the criteria and by an oracle of its own.

The oracle knows what was invented, the numbers and what was spoiled, and may only be stricter.
"""

import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings

from checks.criteria.facts import Facts, facts_json, facts_of
from checks.criteria.judging import judge
from checks.criteria.phases import load_phases
from tests.checks.s1_oracle import DAY, INVENT, NOW, days_of, expected

PHASES = load_phases(settings.CONFIG_DIR / "phases.yaml")
CRITERIA = [
    one for phase in PHASES for one in (*phase.success, *phase.kill, *phase.exit, *phase.entry)
]
SEEDS, TURNS = 8, 500
WRONG = [None, "NaN", "1.5", math.nan, math.inf, 0.5, True, -7, [], {}]


def sound(one, chance):
    """Return facts of a window that was seen, and what they come to."""
    values, value = INVENT[one.metric](one, chance)
    days = days_of(one)
    facts = Facts(
        now=NOW,
        since=NOW if one.window == "now" else NOW - days * DAY,
        sample=one.sample_min + chance.randrange(50),
        covered_s=days * 864 * chance.randrange(91, 101),
        newest_at=NOW - timedelta(seconds=chance.randrange(30)),
        values=values,
    )
    return facts, facts.covered_s / 86_400 if one.metric == "days_covered" else value


def spoiled(one, facts, chance):
    """Return the facts with one thing wrong that forbids a pass, and its name."""
    ahead = timedelta(seconds=chance.randrange(6, 90_000))
    bad_number = chance.choice([-1, True, "9", 1.5, None])
    ways = {
        "future row": {"newest_at": NOW + ahead},
        "future window": {"since": NOW + ahead},
        "no window": {"since": None},
        "problem": {"problem": chance.choice(["other feed", "other version", "other money"])},
        "bad sample": {"sample": bad_number},
        "bad coverage": {"covered_s": bad_number},
    }
    if facts.values:
        values = wrong_values(facts.values, chance)
        ways |= {key: {"values": values} for key in ("value", "bad value", "one more value")}
    if one.sample_min:
        ways["sample"] = {"sample": chance.randrange(one.sample_min)}
    if one.fresh_minutes:
        age = timedelta(minutes=one.fresh_minutes + chance.randrange(1, 10_000))
        ways |= {"stale": {"newest_at": NOW - age}, "no row": {"newest_at": None}}
    if one.coverage_percent:
        share = chance.randrange(one.coverage_percent)
        ways["gap"] = {"covered_s": one.window * 864 * share}
        young = timedelta(seconds=chance.randrange(one.window * 86_400))
        ways["changed configuration"] = {"since": NOW - young, "restarted": "restarted"}
    way = chance.choice(sorted(ways))
    return replace(facts, **ways[way]), way


def wrong_values(values, chance):
    name = chance.choice(sorted(values))
    rest = {key: value for key, value in values.items() if key != name}
    wrong = [one for one in WRONG if one != values[name] and not may_be(name, one)]
    if not may_be(name, None) and chance.random() < 0.2:
        return rest  # a row of an older version lacks it
    return {**rest, name: chance.choice(wrong)}


def may_be(name, value):
    """Return whether a value is one that spoils nothing."""
    if value is None:
        return name in ("last_crash_at", "last_critical_at")
    if name in ("passed", "valid"):
        return value is True
    if name in ("realised_micro", "bottom_micro"):
        return type(value) is int
    return name in ("stops", "days") and value == []


@pytest.mark.parametrize("seed", range(SEEDS))
class TestNoFalsePass:
    def test_what_is_judged_is_what_the_oracle_says(self, seed):
        chance = random.Random(seed)
        counts = {"PASS": 0, "FAIL": 0, "UNKNOWN": 0}
        near = 0
        for turn in range(TURNS):
            one = CRITERIA[(turn * SEEDS + seed) % len(CRITERIA)]
            facts, value = sound(one, chance)
            passes = None if value is None else expected(one, value)
            way = "nothing"
            if chance.random() < 0.5:
                facts, way = spoiled(one, facts, chance)
            said = judge(one, facts).result.value
            counts[said] += 1
            told = f"{one.id} of {one.metric}, spoiled: {way}, {facts}"
            if way != "nothing" or value is None:
                assert said != "PASS", told
            elif passes is None:
                near += 1
            else:
                assert said == ("PASS" if passes else "FAIL"), told

        assert min(counts.values()) > 40, counts  # none of the three is rare
        assert near < 5

    def test_each_says_the_same_once_it_was_stored(self, seed):
        chance = random.Random(1_000 + seed)
        for one in CRITERIA:
            facts, way = sound(one, chance)[0], ""
            if chance.random() < 0.5:
                facts, way = spoiled(one, facts, chance)
            if "value" in way or way.startswith("bad"):
                continue  # what no row of ours can hold
            assert judge(one, facts_of(facts_json(facts))) == judge(one, facts)


@pytest.mark.parametrize("one", CRITERIA, ids=lambda one: f"{one.kind}-{one.id}")
def test_no_facts_at_all_never_pass(one):
    assert judge(one, Facts(now=NOW, since=NOW - DAY)).result != "PASS"
