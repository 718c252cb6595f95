"""GET /metrics: the facts of the database as Prometheus reads them.

Every figure comes from a row or a file, so each web process gives the same answer; only what it has
yet to tell its open pages is its own. What is not known is left out: a zero is always a counted or
measured zero. Labels take few values, all known in advance. One scrape costs a dozen queries by
index; the sizes of files are looked at twice a minute.
"""

import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.http import HttpResponse
from django_q.models import OrmQ
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from rest_framework.request import Request

from alerts.selectors import figures as alert_figures
from polyarb_site.clock import Clock, SystemClock
from polyarb_site.live import outbox, tailer
from polyarb_site.live.models import OutboxMessage
from polyarb_site.rest.permissions import has_any_role
from polyarb_site.rest.views import ApiView
from trading.selectors.metrics import (
    NO_PROBLEM,
    AccountFacts,
    access_problems,
    account_facts,
    money_kinds,
    session_states,
    verdicts,
)

BREAKER_STATES = ("CLOSED", "OPEN", "HALF_OPEN")
JOURNAL_FILES_MAX = 20_000
UNREAD_MAX = 1_000  # more are counted as so many
FILES_FRESH_SECONDS = 30

# Counters and gauges of the newest sample: name in the sample, name here, what it says.
COUNTERS = (
    ("frames", "polyarb_feed_frames", "Frames taken from the feed"),
    ("gaps_seen", "polyarb_gaps_seen", "Gaps seen"),
    ("gaps_confirmed", "polyarb_gaps_confirmed", "Gaps confirmed"),
    ("gaps_allowed", "polyarb_gaps_allowed", "Gaps that risk allowed"),
    ("sets_submitted", "polyarb_sets_submitted", "Sets submitted"),
    ("sets_completed", "polyarb_sets_completed", "Sets completed"),
    ("sets_failed", "polyarb_sets_failed", "Sets failed"),
    ("batches_sent", "polyarb_order_batches_sent", "Batches of live orders handed to the wire"),
)
GAUGES = (
    ("markets", "polyarb_markets", "Markets watched"),
    ("books_fresh", "polyarb_books_fresh", "Order books that are fresh"),
    ("books_stale", "polyarb_books_stale", "Order books that are stale"),
    ("feed_connected", "polyarb_feed_connected", "1 while the feed is connected"),
    (
        "realised_micro",
        "polyarb_realised_micro_dollars",
        "Realised PnL of this session, millionths of a dollar",
    ),
    (
        "realised_today_micro",
        "polyarb_realised_today_micro_dollars",
        "Realised PnL of this UTC day, millionths of a dollar",
    ),
    (
        "exposure_micro",
        "polyarb_exposure_micro_dollars",
        "Cost of all that is held or pending, millionths of a dollar",
    ),
    (
        "worst_case_micro",
        "polyarb_worst_case_loss_micro_dollars",
        "Loss if every open leg resolves against us, millionths of a dollar",
    ),
    ("orders_followed", "polyarb_orders_followed", "Live orders whose end is not known yet"),
    ("cash_micro", "polyarb_cash_micro_dollars", "Cash, millionths of a dollar"),
)
RPC_COUNTERS = (
    ("requests", "polyarb_rpc_requests", "Requests to an endpoint of the chain in this session"),
    ("errors", "polyarb_rpc_errors", "Requests to it that failed"),
    ("disagreed", "polyarb_rpc_disagreements", "Answers of it that another contradicted"),
    ("went_back", "polyarb_rpc_steps_back", "Times that it named an older block than before"),
)
RPC_ENDPOINTS_MAX = 10


class FactsCollector(Collector):
    """Reads everything anew for one scrape."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has a value."""
        accounts = account_facts(self._clock.now(), self._clock.now_ns())
        families = (
            *_engine_families(accounts),
            *_sample_families(accounts),
            *_order_families(accounts),
            *_rpc_families(accounts),
            *_alert_families([facts.account for facts in accounts], self._clock),
            *_queue_families(),
            *_outbox_families(self._clock),
            *_file_families(self._clock),
        )
        yield from (family for family in families if family.samples)


def _engine_families(accounts: list[AccountFacts]) -> Iterable[Metric]:
    phase = _gauge("polyarb_phase", "Phase, 0 to 3")
    halted = _gauge("polyarb_halted", "1 while trading is halted, by the mandate or the kill file")
    wanted = _gauge("polyarb_engine_wanted", "1 while the engine is asked to run")
    state = StateSetMetricFamily(
        "polyarb_engine_state", "State of the newest session", labels=["account"]
    )
    money = StateSetMetricFamily(
        "polyarb_money", "Whose money the dollars of the account are", labels=["account"]
    )
    heartbeat = _gauge(
        "polyarb_engine_heartbeat_age_seconds", "Age of the heartbeat of a session not ended"
    )
    token = _gauge("polyarb_lease_token", "Fencing number of the lease")
    left = _gauge("polyarb_lease_expires_in_seconds", "Time until the lease ends, below 0 after")
    refusals = CounterMetricFamily(
        "polyarb_refusals", "Frames of this session refused, by code", labels=["account", "code"]
    )
    for facts in accounts:
        labels = [facts.account]
        phase.add_metric(labels, facts.phase)
        halted.add_metric(labels, facts.halted)
        wanted.add_metric(labels, facts.desired_run)
        if facts.session_state is not None:
            state.add_metric(labels, {s: s == facts.session_state for s in session_states()})
            money.add_metric(labels, {m: m == facts.money for m in money_kinds()})
        _add(heartbeat, labels, facts.heartbeat_age_us, 1_000_000)
        _add(token, labels, facts.lease_token)
        _add(left, labels, facts.lease_left_ns, 1_000_000_000)
        for code, count in sorted(facts.refusals.items()):
            refusals.add_metric([facts.account, code], count)
    return (phase, halted, wanted, state, money, heartbeat, token, left, refusals)


def _sample_families(accounts: list[AccountFacts]) -> Iterable[Metric]:
    age = _gauge("polyarb_sample_age_seconds", "Age of the figures of the engine")
    feed = _gauge("polyarb_feed_age_seconds", "Age of the newest frame of the feed")
    latency = _gauge(
        "polyarb_decision_latency_seconds", "Decision latency of the last second", "percentile"
    )
    breaker = StateSetMetricFamily("polyarb_breaker_state", "Circuit breaker", labels=["account"])
    families: list[Metric] = [age, feed, latency, breaker]
    for facts in accounts:
        labels = [facts.account]
        _add(age, labels, facts.sample_age_us, 1_000_000)
        _add(feed, labels, facts.feed_age_ms, 1_000)
        _add(latency, [*labels, "50"], facts.decision_p50_us, 1_000_000)
        _add(latency, [*labels, "99"], facts.decision_p99_us, 1_000_000)
        if (now := facts.figures.get("breaker")) in BREAKER_STATES:
            breaker.add_metric(labels, {s: s == now for s in BREAKER_STATES})
    for name, metric, text in COUNTERS:
        counter = CounterMetricFamily(metric, f"{text} in this session", labels=["account"])
        families.append(counter)
        for facts in accounts:
            _add(counter, [facts.account], facts.figures.get(name))
    for name, metric, text in GAUGES:
        gauge = _gauge(metric, text)
        families.append(gauge)
        for facts in accounts:
            _add(gauge, [facts.account], facts.figures.get(name))
    return families


def _order_families(accounts: list[AccountFacts]) -> Iterable[Metric]:
    """Tell whether live orders can be sent, how fast they were, and whether the books are true."""
    possible = _gauge(
        "polyarb_orders_possible", "1 while live orders can be sent, 0 while something forbids it"
    )
    problem = StateSetMetricFamily(
        "polyarb_access_problem", "Gravest thing that forbids live orders", labels=["account"]
    )
    latency = _gauge(
        "polyarb_order_sent_latency_seconds",
        "Time from a decision of this session to its orders on the wire",
        "percentile",
    )
    incidents = _gauge("polyarb_incidents_open", "Incidents that a person has to resolve")
    age = _gauge(
        "polyarb_reconciliation_age_seconds", "Age of the newest comparison with venue and chain"
    )
    verdict = StateSetMetricFamily(
        "polyarb_reconciliation_verdict",
        "Verdict of the newest comparison of ledger, venue and chain",
        labels=["account"],
    )
    for facts in accounts:
        labels = [facts.account]
        if (stands := facts.access_problem) is not None:
            possible.add_metric(labels, stands == NO_PROBLEM)
            problem.add_metric(labels, {one: one == stands for one in access_problems()})
        for percentile, name in (("50", "p50"), ("99", "p99")):
            us = facts.figures.get(f"order_sent_session_{name}_us")
            _add(latency, [*labels, percentile], us, 1_000_000)
        incidents.add_metric(labels, facts.incidents_open)
        _add(age, labels, facts.reconciled_age_us, 1_000_000)
        if facts.verdict is not None:
            verdict.add_metric(labels, {one: one == facts.verdict for one in verdicts()})
    return (possible, problem, latency, incidents, age, verdict)


def _rpc_families(accounts: list[AccountFacts]) -> Iterable[Metric]:
    """Tell how a live engine's endpoints of the chain are doing. Words of errors are no label."""
    families: list[Metric] = []
    for _, metric, text in RPC_COUNTERS:
        families.append(CounterMetricFamily(metric, text, labels=["account", "endpoint"]))
    block = _gauge("polyarb_rpc_block_number", "Newest block that an endpoint named", "endpoint")
    usable = _gauge("polyarb_rpc_usable", "1 while an endpoint is asked, 0 while not", "endpoint")
    for facts in accounts:
        for one in _rows(facts.figures.get("rpc")):
            labels = [facts.account, str(one.get("name"))]
            for (name, _, _), counter in zip(RPC_COUNTERS, families, strict=True):
                _add(counter, labels, one.get(name))
            _add(block, labels, one.get("block"))
            _add(usable, labels, not one.get("out_because") and not one.get("away"))
    return (*families, block, usable)


def _rows(value: Any) -> list[dict[str, Any]]:
    """Return the first endpoints of a list as a sample has it, none of anything else."""
    rows = value[:RPC_ENDPOINTS_MAX] if isinstance(value, list) else []
    return [one for one in rows if isinstance(one, dict)]


def _alert_families(accounts: list[str], clock: Clock) -> Iterable[Metric]:
    """Tell what is wrong, whether anybody judges the rules, and whether people can be told."""
    alerts = _gauge("polyarb_alerts", "Alerts that have not ended", "level", "state")
    age = GaugeMetricFamily(
        "polyarb_alert_rules_judged_age_seconds", "Time since the alert rules were last judged"
    )
    unsent = GaugeMetricFamily(
        "polyarb_deliveries_unsent", "Messages that wait for a channel", labels=["channel"]
    )
    failing = GaugeMetricFamily(
        "polyarb_channel_failing", "1 while messages to a channel fail", labels=["channel"]
    )
    for labels, number in alert_figures.open_alerts(accounts).items():
        alerts.add_metric(labels, number)
    if (at := alert_figures.judged_at()) is not None:
        age.add_metric([], max(0.0, (clock.now() - at).total_seconds()))
    for channel in alert_figures.channels():
        unsent.add_metric([channel.name], channel.unsent)
        failing.add_metric([channel.name], channel.failing)
    return (alerts, age, unsent, failing)


def _queue_families() -> Iterable[Metric]:
    family = GaugeMetricFamily(
        "polyarb_queue_tasks", "Tasks waiting or locked in a queue", labels=["cluster"]
    )
    lengths = dict(OrmQ.objects.order_by().values_list("key").annotate(total=Count("id")))
    clusters: dict[str, Any] = settings.Q_CLUSTER
    for cluster in (clusters["name"], *clusters["ALT_CLUSTERS"]):
        family.add_metric([cluster], lengths.get(cluster, 0))
    return (family,)


def _outbox_families(clock: Clock) -> Iterable[Metric]:
    """Tell how much this process has yet to tell its open pages, and how far back it can go."""
    unread = GaugeMetricFamily(
        "polyarb_outbox_unread_messages", "Messages that this web process has yet to hand on"
    )
    oldest = GaugeMetricFamily(
        "polyarb_outbox_oldest_age_seconds", "Age of the oldest message that is kept"
    )
    for position in tailer.positions()[:1]:  # one event loop, one tailer; none before the server
        unread.add_metric([], len(outbox.read(position, limit=UNREAD_MAX)))
    first = OutboxMessage.objects.aggregate(at=Min("created_at"))["at"]
    if first is not None:
        oldest.add_metric([], max(0.0, (clock.now() - first).total_seconds()))
    return (unread, oldest)


class FileSizes:
    """What the journal takes and what the disk has left, looked at twice a minute at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked_ns: int | None = None
        self._journal_bytes: int | None = None
        self._free_bytes: int | None = None

    def read(self, now_ns: int) -> tuple[int | None, int | None]:
        """Return the bytes of the journal and those free on its disk; None is not known."""
        with self._lock:
            stale = self._looked_ns is None or (
                now_ns - self._looked_ns > FILES_FRESH_SECONDS * 1_000_000_000
            )
            if stale:
                self._looked_ns = now_ns
                self._journal_bytes = journal_bytes(settings.JOURNAL_DIR)
                self._free_bytes = _free_bytes(settings.DATA_DIR)
            return self._journal_bytes, self._free_bytes


def journal_bytes(directory: Path) -> int | None:
    """Return what the files below a directory take.

    None when it is not there yet, cannot be read, or holds too many files to look at each.
    """
    if not directory.is_dir():
        return None
    total = files = 0
    waiting = [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    files += 1
                    if files > JOURNAL_FILES_MAX:
                        return None
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue  # moved away while we looked
        except OSError:
            return None
    return total


def _free_bytes(directory: Path) -> int | None:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


sizes = FileSizes()


def _file_families(clock: Clock) -> Iterable[Metric]:
    journal = GaugeMetricFamily("polyarb_journal_bytes", "Size of all journals")
    free = GaugeMetricFamily("polyarb_disk_free_bytes", "Space left on the disk of the data")
    journal_size, free_size = sizes.read(clock.monotonic_ns())
    _add(journal, [], journal_size)
    _add(free, [], free_size)
    return (journal, free)


def _gauge(name: str, text: str, *more_labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["account", *more_labels])


def _add(family: Any, labels: list[str], value: Any, divisor: int = 1) -> None:
    """Add a number in the family's unit, or nothing for what is no number."""
    if isinstance(value, int):  # a flag counts as 0 or 1
        family.add_metric(labels, value / divisor if divisor > 1 else int(value))


class MetricsView(ApiView):
    """GET /metrics. Prometheus sends the token as `authorization: credentials`."""

    rules = {"GET": has_any_role}
    clock: Clock = SystemClock()

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return every family that has a value."""
        del request
        registry = CollectorRegistry(auto_describe=False)
        registry.register(FactsCollector(self.clock))
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
