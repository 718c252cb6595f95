"""Saving and importing rules, as revisions. The newest revision of a rule is in force."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from alerts.models import RuleRevision
from alerts.rules.parse import RuleProblems, parse_rule, rule_values
from alerts.rules.rule import Rule
from alerts.services.foreign_rules import from_polyarb
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.services.changes import actor_text, changed_meanwhile, kept
from trading.services.refusals import Invalid, require, require_reason

RULES_MAX = 500
PERMISSION = "alerts.save_rule"


@dataclass(slots=True)
class RuleImport:
    """What became of each rule of a file. The texts name rule, field and remedy."""

    created: list[RuleRevision] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def newest(rule_id: str) -> RuleRevision | None:
    """Return the newest revision of a rule."""
    return RuleRevision.objects.filter(rule_id=rule_id).order_by("-revision").first()


def parsed(values: Mapping[str, Any]) -> Rule:
    """Return the rule that plain data says, or raise Invalid with every problem."""
    try:
        return parse_rule(values, known_rules=_known_ids() | {str(values.get("id", ""))})
    except RuleProblems as error:
        raise Invalid(
            "RULE_INVALID", error.problems[0], "correct the rule", error.problems
        ) from error


def save_rule(
    values: Mapping[str, Any],
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    source: str = "",
    at: datetime | None = None,
) -> RuleRevision:
    """Save a rule as a new revision, which is in force from then on.

    Raises Invalid for a rule that does not say what it must and without a reason, NotPermitted, and
    ServiceRefused when somebody saved it meanwhile. What says the same as the newest revision is
    refused too: a revision is a change.
    """
    require(by, PERMISSION)
    why = require_reason(reason, "changing a rule")
    rule = parsed(values)
    before = newest(rule.rule_id)
    if before is not None and before.sha256 == rule_sha256(rule):
        raise Invalid(
            "RULE_UNCHANGED", f"this is {before} already", "change something, or leave it as it is"
        )
    now = at or SystemClock().now()
    with transaction.atomic():
        row = _add(
            rule, before, author_name=actor_text(by, by_name), reason=why, source=source, at=now
        )
        _tell(
            "alert_rule.save",
            row,
            by=by,
            by_name=by_name,
            reason=why,
            before=before.values if before else None,
            after=row.values,
            at=now,
        )
    return row


def import_rules(
    path: Path,
    *,
    by: User | None = None,
    by_name: str = "",
    strict: bool = True,
    source: str = "",
    at: datetime | None = None,
) -> RuleImport:
    """Import a file of rules. Ours is `strict`: one problem refuses it all (Invalid).

    Otherwise it is one of PolyArb-X: each rule stands for itself, what has another name there is
    translated and said, and an address in it is never taken. A rule that says what its newest
    revision or the last import of it said is left as it is, so that nothing undoes an edit.
    `source` names the file when another one of the same name is imported too.
    """
    require(by, PERMISSION)
    report = RuleImport()
    rules = _read(path, report, strict=strict)
    if strict and report.refused:
        problems = tuple(report.refused)
        raise Invalid("RULES_INVALID", problems[0], f"correct {path}; nothing changed", problems)
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        for rule in rules:
            _import_one(rule, source or path.name, report, author_name=who, at=now)
        if report.created:
            publish("alerts", {"what": "alert_rule.import"}, at=now)
            record(
                "alert_rule.import",
                actor=by,
                actor_name=by_name,
                target=f"file:{source or path.name}",
                reason="the file differs from what was imported before",
                after={
                    "rules": {row.rule_id: row.values for row in report.created},
                    "warnings": report.warnings[:RULES_MAX],
                    "refused": report.refused[:RULES_MAX],
                },
                at=now,
            )
    return report


def rule_sha256(rule: Rule) -> str:
    """Return the hash of what a rule says."""
    text = json.dumps(rule_values(rule), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _import_one(
    rule: Rule, source: str, report: RuleImport, *, author_name: str, at: datetime
) -> None:
    before, digest = newest(rule.rule_id), rule_sha256(rule)
    rows = RuleRevision.objects.filter(rule_id=rule.rule_id, source=source)
    imported = rows.order_by("-revision").first()
    if digest in {row.sha256 for row in (before, imported) if row is not None}:
        report.unchanged.append(rule.rule_id)
        return
    why = "imported from file"
    report.created.append(
        _add(rule, before, author_name=author_name, reason=why, source=source, at=at)
    )


def _read(path: Path, report: RuleImport, *, strict: bool) -> list[Rule]:
    try:
        content = read_yaml(path, decimals_as_text=not strict)
    except ConfigError as error:
        raise Invalid("RULES_INVALID", str(error), "correct the file", (str(error),)) from error
    given = content.get("rules")
    if not isinstance(given, list) or not 0 < len(given) <= RULES_MAX:
        problem = f"{path.name}: rules: is no list of 1 to {RULES_MAX} rules"
        raise Invalid("RULES_INVALID", problem, "say rules: and then one item a rule", (problem,))
    for key in content.keys() - {"rules"}:
        if strict:
            report.refused.append(f"{path.name}: {key:.60}: is no key here; remove it")
        else:
            report.warnings.append(f"{path.name}: {key:.60}: not taken, the portal needs it not")
    ids = frozenset(str(one.get("id")) for one in given if isinstance(one, dict))
    rules: dict[str, Rule] = {}
    for index, values in enumerate(given):
        _read_one(values, f"{path.name}: rules[{index}]", ids, rules, report, strict=strict)
    return list(rules.values())


def _read_one(
    values: object,
    where: str,
    ids: frozenset[str],
    rules: dict[str, Rule],
    report: RuleImport,
    *,
    strict: bool,
) -> None:
    if not isinstance(values, dict):
        report.refused.append(f"{where}: is no mapping; say id, severity, query and so on")
        return
    if not strict:
        values, warnings = from_polyarb(values)
        report.warnings += [f"{where}: {warning}" for warning in warnings]
    try:
        rule = parse_rule(values, known_rules=ids)
    except RuleProblems as error:
        report.refused += [f"{where}: {error.rule_id}: {problem}" for problem in error.problems]
        return
    if rule.rule_id in rules:
        report.refused.append(f"{where}: {rule.rule_id} is there twice; remove one of them")
        return
    rules[rule.rule_id] = rule


def _add(
    rule: Rule,
    after: RuleRevision | None,
    *,
    author_name: str,
    reason: str,
    source: str,
    at: datetime,
) -> RuleRevision:
    try:
        with transaction.atomic():
            return RuleRevision.objects.create(
                rule_id=rule.rule_id,
                revision=after.revision + 1 if after else 1,
                values=rule_values(rule),
                sha256=rule_sha256(rule),
                author_name=author_name,
                reason=kept(reason, 500),
                source=kept(source, 120),
                created_at=at,
            )
    except IntegrityError as error:
        raise changed_meanwhile() from error


def _tell(
    action: str,
    row: RuleRevision,
    *,
    by: User | None,
    by_name: str,
    reason: str,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    at: datetime,
) -> None:
    publish("alerts", {"what": action, "rule": row.rule_id, "revision": row.revision}, at=at)
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=f"alert_rule:{row.rule_id}",
        reason=reason,
        before=before,
        after=after,
        at=at,
    )


def _known_ids() -> frozenset[str]:
    return frozenset(RuleRevision.objects.values_list("rule_id", flat=True).distinct())
