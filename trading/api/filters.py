"""What the lists of facts can be narrowed to. `since` is included, `until` is not."""

import django_filters  # type: ignore[import-untyped] # no stubs exist

from polyarb_site.audit.models import AuditEvent
from polyarb_site.rest.filters import day, flag, moment, one_of, word
from trading.engine.codes import Refusal, SetState, Side, Stage, Strategy, TradeState
from trading.models import (
    ArbitrageSet,
    EngineNote,
    Incident,
    Money,
    Opportunity,
    ReconciliationRun,
    ReplayRun,
    Trade,
    rows_with,
)
from trading.reconciling.verdicts import Verdict

# Each of them leaves another configuration behind.
CONFIG_ACTIONS = (
    "profile.import",
    "profile.save",
    "profile.apply",
    "profile.rollback",
    "engine.start_shadow",
    "engine.start_simulated",
)
NOTE_LEVELS = ("INFO", "WARNING", "CRITICAL")

MARKET = "Condition id of the market."
SET = "Id of the set."
SINCE = "Only from this time on. Without a zone it is UTC."
UNTIL = "Only before this time. Without a zone it is UTC."


def one_of_money() -> django_filters.Filter:
    """Return a filter by whose money it was; the rows say it together with their session."""
    return one_of(
        "paper",
        Money.values,
        "Whose money it was: PAPER, PLAY on the local venue, or REAL.",
        method=lambda rows, _name, value: rows.filter(rows_with(Money(value))),
    )


class TradeFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/trades."""

    market = word("condition_id", 80, MARKET)
    set = word("set_id", 100, SET)
    state = one_of("state", TradeState, "How far the settlement is.")
    side = one_of("side", Side, "Bought or sold.")
    paper = flag("paper", "Paper fills only, or those at a venue only.")
    money = one_of_money()
    since = moment("matched_at", "gte", SINCE)
    until = moment("matched_at", "lt", UNTIL)

    class Meta:
        model = Trade
        fields: tuple[str, ...] = ()


class SetFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/sets."""

    market = word("condition_id", 80, MARKET)
    state = one_of("state", SetState, "Where the set is in its life.")
    strategy = one_of("strategy", Strategy, "Which kind of complete set it is.")
    paper = flag("paper", "Paper sets only, or those at a venue only.")
    money = one_of_money()
    since = moment("opened_at", "gte", SINCE)
    until = moment("opened_at", "lt", UNTIL)

    class Meta:
        model = ArbitrageSet
        fields: tuple[str, ...] = ()


class OpportunityFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/opportunities."""

    market = word("condition_id", 80, MARKET)
    set = word("set_id", 100, SET)
    stage = one_of("stage", Stage, "How far it came in the funnel.")
    refusal = one_of("refusal", Refusal, "Why it was not taken.")
    strategy = one_of("strategy", Strategy, "Which kind of complete set it is.")
    since = moment("seen_at", "gte", SINCE)
    until = moment("seen_at", "lt", UNTIL)

    class Meta:
        model = Opportunity
        fields: tuple[str, ...] = ()


class EventFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/events."""

    level = one_of("level", NOTE_LEVELS, "How much it matters.")
    code = word("code", 60, "The code of the event.")
    market = word("condition_id", 80, MARKET)
    since = moment("at", "gte", SINCE)
    until = moment("at", "lt", UNTIL)

    class Meta:
        model = EngineNote
        fields: tuple[str, ...] = ()


class ReconciliationFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/reconciliations."""

    verdict = one_of("verdict", Verdict, "What came of it.")
    at_start = flag("at_start", "Those before trading only, or those while trading only.")
    since = moment("at", "gte", SINCE)
    until = moment("at", "lt", UNTIL)

    class Meta:
        model = ReconciliationRun
        fields: tuple[str, ...] = ()


class ReplayFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/replays."""

    verdict = one_of("verdict", ReplayRun.Verdict.values, "What came of it.")
    session = word("session__key", 80, "Key of the run of the engine.")
    day = day("day", "The UTC day that was judged.")
    since = moment("at", "gte", SINCE)
    until = moment("at", "lt", UNTIL)

    class Meta:
        model = ReplayRun
        fields: tuple[str, ...] = ()


class IncidentFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/incidents."""

    state = one_of("state", Incident.State.values, "Whether it is cleared up.")
    kind = one_of("kind", Incident.Kind.values, "What it is about.")
    since = moment("opened_at", "gte", SINCE)
    until = moment("opened_at", "lt", UNTIL)

    class Meta:
        model = Incident
        fields: tuple[str, ...] = ()


class ConfigChangeFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/audit/config_changes."""

    action = one_of("action", CONFIG_ACTIONS, "What was done.")
    since = moment("at", "gte", SINCE)
    until = moment("at", "lt", UNTIL)

    class Meta:
        model = AuditEvent
        fields: tuple[str, ...] = ()
