"""Rules: the list, one rule with its history, and the editor with its dry run."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from alerts.admin.base import account, done, lacks, page, seen_by
from alerts.admin.cards import LEVELS, RUNBOOK
from alerts.admin.rule_form import NEW, RuleForm, initial
from alerts.models import RuleRevision
from alerts.rules.judging import bound_text
from alerts.rules.metrics import METRICS
from alerts.rules.rule import LEVELS as ALL_LEVELS
from alerts.rules.rule import Action, Counting, Rule
from alerts.selectors.charts import charts
from alerts.selectors.dryrun import DryRun, dry_run
from alerts.selectors.firing import pending, raised
from alerts.selectors.rules import rule_history, rules_in_force
from alerts.services.rules import parsed, save_rule
from polyarb_site import formats
from polyarb_site.audit.diff import Change, changes
from polyarb_site.clock import SystemClock
from trading.selectors.watched import phase_of
from trading.services import ServiceRefused
from trading.services.refusals import Invalid

DRY_HOURS = 24
FIRED_SHOWN_MAX = 20
VIEW, SAVE = "alerts.view_rulerevision", "alerts.save_rule"


@require_GET
@seen_by(VIEW)
def rules_page(request: HttpRequest) -> HttpResponseBase:
    """Return every rule in force, gravest first, with what it says now."""
    in_force, phase = rules_in_force(), phase_of(account())
    raised_now = {row.rule_id: row.state for row in (*pending(account()), *raised(account()))}
    rules = sorted(
        in_force.values(), key=lambda one: (ALL_LEVELS.index(one[1].level), one[1].rule_id)
    )
    context = {
        "tab": "rules",
        "title": "Alert rules",
        "rows": [
            {**described(rule, row, phase), "now": raised_now.get(rule.rule_id, "")}
            for row, rule in rules
        ],
        "broken": in_force.broken,
        "cannot_add": lacks(request, SAVE),
    }
    return page(request, "rules.html", context)


@require_GET
@seen_by(VIEW)
def rule_page(request: HttpRequest, rule_id: str) -> HttpResponseBase:
    """Return one rule: what it says, its metric's last hour, and every revision with a diff."""
    history = rule_history(rule_id)
    if not history:
        raise Http404
    rule = rules_in_force().get(rule_id, (None, None))[1]
    before: list[RuleRevision | None] = [*history[1:], None]
    context = {
        "tab": "rules",
        "title": rule_id,
        "rule_id": rule_id,
        "one": described(rule, history[0], phase_of(account())) if rule is not None else None,
        "row": history[0],
        "revisions": [
            {"row": row, "changes": _changes(earlier, row), "first": earlier is None}
            for row, earlier in zip(history, before, strict=True)
        ],
        "cannot_save": lacks(request, SAVE),
    }
    return page(request, "rule.html", context)


@require_http_methods(["GET", "POST"])
@seen_by(VIEW)
def edit_page(request: HttpRequest, rule_id: str = "") -> HttpResponse:
    """Return the editor; on POST try the rule on recorded samples, or save it as a revision."""
    history = rule_history(rule_id) if rule_id else []
    if rule_id and not history:
        raise Http404
    if request.method != "POST":
        shown = initial(history[0].values) if history else NEW
        return _editor(request, RuleForm(initial=shown), rule_id)
    form = RuleForm(_with_id(request.POST.copy(), rule_id))
    try:
        if "dry" in request.POST:
            return _editor(request, form, rule_id, tried=parsed(form.values()))
        user: Any = request.user
        row = save_rule(form.values(), by=user, reason=str(form.data.get("reason", "")))
    except ServiceRefused as refused:
        problems = refused.problems if isinstance(refused, Invalid) else ()
        if refused.code == "REASON_MISSING":
            problems = (f"reason {refused.message}; {refused.remedy}",)
        form.tell(problems)
        return _editor(request, form, rule_id, refused=refused)
    return done(request, f"{row} is in force.", reverse("alerts:rule", args=[row.rule_id]))


def described(rule: Rule, row: RuleRevision, phase: int) -> dict[str, Any]:
    """Return what the pages say of a rule."""
    level, icon, tone = LEVELS[rule.level]
    window = formats.age(rule.window_ms)
    counted = {
        Counting.AT_ONCE: "at once",
        Counting.HELD_FOR: f"all through {window}",
        Counting.AGGREGATED: f"{str(rule.aggregate or '').lower()} over {window}",
    }[rule.counting]
    bounds = {
        number: bound_text(rule.metric, rule.comparison, bound)
        for number, bound in sorted(rule.bounds_by_phase.items())
    }
    does = ["stops trading"] if rule.stops_trading else []
    does += ["tells people"] if Action.NOTIFY in rule.actions else []
    return {
        "row": row,
        "rule": rule,
        "level": level,
        "icon": icon,
        "tone": tone,
        "name": rule.name or rule.rule_id,
        "condition": bound_text(rule.metric, rule.comparison, rule.bound_in(phase)),
        "counted": counted,
        "bounds": bounds,
        "does": ", ".join(does) or "is only recorded",
        "cooldown": formats.age(rule.cooldown_ms) if rule.cooldown_ms else "none",
        "missing": formats.age(rule.missing_ms),
        "escalates": formats.age(rule.escalate_ms) if rule.escalate_ms else "never",
        "metric": METRICS[rule.metric],
        "phases": ", ".join(str(one) for one in sorted(rule.phases)),
        "modes": ", ".join(sorted(rule.modes)),
        "runbook": f"{RUNBOOK}#rule-{rule.rule_id.lower()}",
    }


def _editor(
    request: HttpRequest,
    form: RuleForm,
    rule_id: str,
    *,
    tried: Rule | None = None,
    refused: ServiceRefused | None = None,
) -> HttpResponse:
    if rule_id:
        form.fields["id"].widget.attrs["readonly"] = True
    context: dict[str, Any] = {
        "tab": "rules",
        "title": f"Change {rule_id}" if rule_id else "New rule",
        "rule_id": rule_id,
        "form": form,
        "groups": [
            (title, [form[name] for name in names.split()]) for title, names in _GROUPS.items()
        ],
        "refused": refused,
        "cannot_save": lacks(request, SAVE),
        "metrics": METRICS.values(),
    }
    if tried is not None:
        context |= _tried(tried)
    return page(request, "rule_edit.html", context, status=refused.status if refused else 200)


_GROUPS = {
    "What": "id name severity enabled",
    "Bad when": "metric operator value counting window_seconds aggregate missing_seconds",
    "Other bounds": "value_0 value_1 value_2 value_3",
    "Where": "phases modes",
    "What follows": "actions channels inhibits cooldown_seconds escalate_seconds",
    "For whoever reads it": "description message",
}


def _tried(rule: Rule) -> dict[str, Any]:
    """Return what the last day of recorded samples says of a rule, as a sentence and a chart."""
    now = SystemClock().now()
    tried = dry_run(rule, account(), now, hours=DRY_HOURS)
    span = timedelta(hours=DRY_HOURS)
    chart = charts({rule.rule_id: rule}, account(), now, span=span)[rule.rule_id]
    chart["marks"] = [
        {"from": one.fired_at.timestamp(), "to": (one.ended_at or now).timestamp()}
        for one in tried.spells
    ]
    shown = [
        {
            "begins": one.fired_at,
            "lasted": formats.age(formats.ms_between(one.fired_at, one.ended_at))
            if one.ended_at else "until now",
            "value": one.reason,
        }
        for one in reversed(tried.spells)
    ]  # fmt: skip
    return {
        "tried": {
            **described(rule, RuleRevision(rule_id=rule.rule_id), phase_of(account())),
            "sentence": _sentence(tried),
            "chart": chart,
            "fired": shown[:FIRED_SHOWN_MAX],
            "more": max(0, tried.count - FIRED_SHOWN_MAX),
        }
    }


def _sentence(tried: DryRun) -> str:
    """Return what a dry run found: a number of times only where something was recorded."""
    if not tried.samples:
        return f"Nothing can be said: {tried.reason}."
    times = formats.plural(tried.count, "time")
    covered = formats.age(tried.covered_s * 1_000)
    said = f"Over the last {DRY_HOURS} h of recorded samples this rule would have fired {times}. "
    said += f"{formats.plural(tried.samples, 'sample')} cover {covered} of them"
    return f"{said}; {tried.reason}." if tried.reason else f"{said}."


def _changes(before: RuleRevision | None, row: RuleRevision) -> list[Change]:
    return changes(_plain(before.values), _plain(row.values)) if before is not None else []


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule's data with each list as one text, as a person reads a difference."""

    def said(value: Any) -> Any:
        if isinstance(value, list):
            words = (one.get("type", "") if isinstance(one, dict) else str(one) for one in value)
            return ", ".join(words) or "none"
        return value

    whole = {**values, **values.get("query", {})}
    return {key: said(value) for key, value in whole.items() if key != "query"}


def _with_id(data: Any, rule_id: str) -> Any:
    """Return what was typed, with the id of the rule that is changed: nobody renames one."""
    if rule_id:
        data["id"] = rule_id
    return data
