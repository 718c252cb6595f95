"""Whether the rules in force are all those that this version brings along, and as grave."""

from dataclasses import dataclass, field
from pathlib import Path

from alerts.rules.parse import RuleProblems, parse_rule
from alerts.rules.rule import Action, Level, Rule
from alerts.selectors.rules import rules_in_force
from polyarb_site.yaml_files import ConfigError, read_yaml

MOST_GRAVE_FIRST = tuple(Level)


@dataclass(slots=True)
class RulesSeen:
    """How many rules there are, and what is missing. No problem: they are complete."""

    in_file: int = 0
    in_force: int = 0
    critical: int = 0
    problems: list[str] = field(default_factory=list)


def rule_problems(path: Path) -> RulesSeen:
    """Compare the rules in force with those of a file.

    A rule that people have changed is complete while it is on, no less grave than in the file, and
    acts in every phase and mode where the file's does.
    """
    found = RulesSeen()
    wanted = _of_file(path, found)
    in_force = rules_in_force()
    found.in_file = len(wanted)
    found.in_force = sum(rule.enabled for _, rule in in_force.values())
    for rule_id, problem in sorted(in_force.broken.items()):
        found.problems.append(f"{rule_id} cannot be read by this version: {problem}")
    for rule_id, rule in wanted.items():
        there = in_force.get(rule_id)
        if there is None:
            if rule_id not in in_force.broken:
                found.problems.append(f"{rule_id} was never imported")
        else:
            found.problems += [f"{rule_id} {why}" for why in _less_than(rule, there[1])]
    for rule_id, (_, rule) in in_force.items():
        if rule.level is Level.CRITICAL and rule.enabled:
            found.critical += 1
            if Action.STOP_TRADING not in rule.actions:
                found.problems.append(f"{rule_id} is CRITICAL and has no stop_trading")
    if not wanted and not found.problems:
        found.problems.append(f"{path.name} names no rule")
    return found


def _of_file(path: Path, found: RulesSeen) -> dict[str, Rule]:
    try:
        given = read_yaml(path).get("rules")
    except ConfigError as error:
        found.problems.append(str(error))
        return {}
    wanted = {}
    items = given if isinstance(given, list) else []
    ids = frozenset(str(one.get("id")) for one in items if isinstance(one, dict))
    for values in items:
        try:
            rule = parse_rule(values if isinstance(values, dict) else {}, known_rules=ids)
        except RuleProblems as error:
            found.problems.append(f"{path.name}: {error.problems[0]}")
        else:
            wanted[rule.rule_id] = rule
    return wanted


def _less_than(wanted: Rule, there: Rule) -> list[str]:
    if not there.enabled and wanted.enabled:
        return ["is switched off"]
    problems = []
    if MOST_GRAVE_FIRST.index(there.level) > MOST_GRAVE_FIRST.index(wanted.level):
        problems.append(f"is {there.level} and has to be {wanted.level}")
    if not wanted.phases <= there.phases:
        problems.append("is not judged in every phase where it has to be")
    if not wanted.modes <= there.modes:
        problems.append("is not judged in every mode where it has to be")
    return problems
