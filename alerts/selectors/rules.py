"""The rules in force, and their history."""

from django.db.models import Max

from alerts.models import RuleRevision
from alerts.rules.parse import RuleProblems, parse_rule
from alerts.rules.rule import Rule
from trading.services.refusals import NotFound, ServiceRefused

RULE_ID_LENGTH_MAX = 40


class RuleSet(dict[str, tuple[RuleRevision, Rule]]):
    """The rules in force by id. `broken` are those that another version saved and this cannot read.

    `stamp` changes with every new revision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken: dict[str, str] = {}
        self.stamp = 0


def rules_in_force() -> RuleSet:
    """Return every rule's newest revision, also the disabled ones."""
    newest = (
        RuleRevision.objects.order_by().values("rule_id").annotate(last=Max("id")).values("last")
    )
    found = RuleSet()
    for row in RuleRevision.objects.filter(id__in=newest).order_by("rule_id"):
        found.stamp = max(found.stamp, row.pk)
        try:
            found[row.rule_id] = (row, parse_rule(row.values))
        except RuleProblems as error:
            found.broken[row.rule_id] = error.problems[0]
    return found


def find_rule(rule_id: str) -> tuple[RuleRevision, Rule]:
    """Return a rule as it is in force, or raise NotFound."""
    row = None
    if len(rule_id) <= RULE_ID_LENGTH_MAX and "\x00" not in rule_id:
        row = RuleRevision.objects.filter(rule_id=rule_id).order_by("-revision").first()
    if row is None:
        raise NotFound("NO_RULE", "there is no rule of that id", "GET /api/alerts/rules lists them")
    try:
        return row, parse_rule(row.values)
    except RuleProblems as error:
        raise ServiceRefused(
            "RULE_BROKEN", f"this version cannot read it: {error.problems[0]}", "save it anew"
        ) from error


def rules_stamp() -> int:
    """Return what changes with every new revision."""
    return RuleRevision.objects.aggregate(last=Max("id"))["last"] or 0


def rule_history(rule_id: str) -> list[RuleRevision]:
    """Return the revisions of a rule, newest first, at most 100."""
    return list(RuleRevision.objects.filter(rule_id=rule_id).order_by("-revision")[:100])
