"""The storm of alert_storm.py, in a process of its own with a database that is migrated already.

Prints its figures as one line of JSON. The rules that flap belong to one account and the calm ones
to another, because two rules of one account see the same values.
"""

import json
import os
import statistics
import sys
import threading
from collections import defaultdict
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from time import perf_counter_ns

import psutil

RULES, FLAPPING = 200, 50
CALM_ROUNDS, CALM_ROUND_S = 20, 5  # after the storm: everything ends and is told
FLAPPING_ACCOUNT, CALM_ACCOUNT = "storm", "calm"
SECOND_NS = 1_000_000_000
HIGH, LOW = 900, 10
SILENCED = 5


class Channel:
    """Two webhooks on this machine that take everything."""

    def __init__(self) -> None:
        self.received = 0
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                received.received += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def rule_values(number: int, *, flapping: bool):
    """Return one rule as plain data: another bound, window or aggregate for each number."""
    from alerts.rules.metrics import METRICS, Kind

    metrics = list(METRICS.values())
    if not flapping:  # words and truths know no bound that they do not reach
        metrics = [one for one in metrics if one.kind not in (Kind.BOOL, Kind.TEXT)]
    metric = metrics[number % len(metrics)]
    bound = LOW + 1 + number if flapping else HIGH + 1 + number
    query = {"metric": metric.name, "operator": ">=", "value": bound, "window_seconds": 0}
    # A spell lasts for a second or two: of windows that are longer no spell ever fires.
    held = {"counting": "HELD_FOR", "window_seconds": (1 + number % 4) * (1 if flapping else 15)}
    match metric.kind:
        case Kind.BOOL:
            query |= {"operator": "==", "value": False} | (held if number % 2 else {})
        case Kind.TEXT:
            value = {"operator": "==", "value": metric.values[-1]}
            query |= value | (held if number % 2 else {})
        case Kind.RATIO:
            value = "0.5" if flapping else str(2 + number)
            window = {"counting": "AGGREGATED", "aggregate": "QUOTIENT"}
            query |= {"value": value, **window, "window_seconds": 1 if flapping else 300}
        case Kind.COUNTER:
            window = {"counting": "AGGREGATED", "aggregate": "RISE"}
            rise = {"value": 1, **window, "window_seconds": 1}
            query |= rise if flapping else {**rise, "value": 10**9 + number, "window_seconds": 300}
        case _:
            kinds = ("AT_ONCE", "HELD_FOR", "MIN", "MAX", "MEAN")
            word = kinds[number % len(kinds)]
            if word == "HELD_FOR":
                query |= held
            elif word != "AT_ONCE":
                window_s = 1 + number % 2 if flapping else 60 * (1 + number % 60)
                query |= {
                    "counting": "AGGREGATED",
                    "aggregate": word,
                    "window_seconds": window_s,
                }
    name = f"{'FLAPPING' if flapping else 'CALM'}_{number:03}"
    level = ("CRITICAL", "WARNING", "INFO")[number % 3]
    values = {"id": name, "severity": level, "query": query, "actions": ["notify", "log"]}
    values["cooldown_seconds"] = (30, 60, 300)[number // 3 % 3]
    if flapping and number % 10 == 9:  # one in ten explains the two before it
        values["inhibits"] = [f"FLAPPING_{number - 1:03}", f"FLAPPING_{number - 2:03}"]
    return values


class Waves:
    """The values of one series: bad and good in turns of a second or two, or good all the time."""

    def __init__(self, metric, *, flapping: bool, turn_s: int) -> None:
        from alerts.rules.metrics import Kind, Ratio
        from trading.engine.units import MICRO

        self._metric, self._kind, self._ratio, self._micro = metric, Kind, Ratio, MICRO
        self._flapping, self._turn_s = flapping, turn_s
        self._part = self._whole = 0

    def bad(self, second: int) -> bool:
        """Return whether this second is a bad one."""
        return self._flapping and second // self._turn_s % 2 == 1

    def value(self, second: int):
        """Return the next value."""
        bad, kind = self.bad(second), self._metric.kind
        self._whole += 1
        self._part += bad
        if kind is self._kind.BOOL:
            return not bad
        if kind is self._kind.TEXT:
            return self._metric.values[-1 if bad else 0]
        if kind is self._kind.COUNTER:
            return self._part
        if kind is self._kind.RATIO:
            return self._ratio(self._part, self._whole)
        return (HIGH if bad else LOW) * self._micro


class Storm:
    """The rules with their watches and series, and what was measured."""

    def __init__(self, start) -> None:
        from alerts.rules.evaluate import RuleWatch
        from alerts.rules.metrics import METRICS
        from alerts.selectors.rules import rules_in_force
        from alerts.services import save_rule
        from alerts.services.judging import Subject
        from tests.helpers.clocks import to_ns

        numbers = range(RULES)
        for number in numbers:
            values = rule_values(number, flapping=number < FLAPPING)
            save_rule(values, by=None, by_name="bench", reason="a storm", at=start)
        self.judged = []  # (subject, watch)
        self.by_series = defaultdict(list)  # watches, by account and metric
        for rule_id, (revision, rule) in rules_in_force().items():
            account = FLAPPING_ACCOUNT if rule_id.startswith("FLAPPING") else CALM_ACCOUNT
            watch = RuleWatch(rule, phase=0, began_ns=to_ns(start))
            self.by_series[account, rule.metric].append(watch)
            subject = Subject(account=account, revision=revision, rule=rule)
            self.judged.append((subject, watch))
        self.series = {
            key: Waves(METRICS[key[1]], flapping=key[0] == FLAPPING_ACCOUNT, turn_s=1 + place % 2)
            for place, key in enumerate(self.by_series)
        }
        self.ms = defaultdict(list)
        self.taken = self.samples = self.take_ns = self.flaps = 0
        self.most = defaultdict(int)

    def take(self, second: int, began_ns: int, count: int, *, storm: bool) -> None:
        """Take the samples of one second; making them is not timed."""
        keys = list(islice(cycle(self.series), count))
        step_ns = SECOND_NS // max(count, 1)
        values = [self.series[key].value(second if storm else 0) for key in keys]
        given = [
            (self.by_series[key], value, began_ns + place * step_ns)
            for place, (key, value) in enumerate(zip(keys, values, strict=True))
        ]
        began = perf_counter_ns()
        for watches, value, at_ns in given:
            for watch in watches:
                watch.take(value, at_ns)
        self.take_ns += perf_counter_ns() - began
        self.samples += count
        self.taken += sum(len(watches) for watches, _, _ in given)

    def round(self, now, now_ns: int) -> None:
        """Judge everything once, write it, and have people told."""
        from alerts.rules.evaluate import Verdict
        from alerts.services.judging import apply_judgement
        from alerts.services.telling import tell_round

        began = perf_counter_ns()
        judgements = [(subject, watch.judge(now_ns)) for subject, watch in self.judged]
        judged = perf_counter_ns()
        for subject, judgement in judgements:
            apply_judgement(subject, judgement, now)
        written = perf_counter_ns()
        tell_round(now)
        told = perf_counter_ns()
        for name, took in (
            ("judge", judged - began),
            ("write", written - judged),
            ("tell", told - written),
            ("round", told - began),
        ):
            self.ms[name].append(took / 1e6)
        buckets = max(len(watch._buckets) for _, watch in self.judged)
        self.most["buckets"] = max(self.most["buckets"], buckets)
        bad = {one.rule.rule_id for one, said in judgements if said.verdict is not Verdict.QUIET}
        self.flaps += len(bad - self._bad)
        self._bad = bad

    _bad: frozenset[str] | set[str] = frozenset()


def percentile(samples: list[float], percent: int) -> float:
    """Return a percentile by the nearest rank."""
    ordered = sorted(samples)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 3)


def rows() -> dict[str, int]:
    """Return how many rows there are now."""
    from alerts.models import Alert, AlertMove, Delivery
    from polyarb_site.live.models import OutboxMessage

    models = {"alerts": Alert, "moves": AlertMove, "deliveries": Delivery, "outbox": OutboxMessage}
    return {name: model.objects.count() for name, model in models.items()}


def rage(samples_per_s: int, seconds: int) -> dict[str, float]:
    """Let the storm rage and end; return the figures."""
    from alerts.models import Delivery
    from alerts.pump import send_due
    from alerts.services.channels import save_channel
    from alerts.services.silences import add_silence
    from tests.helpers.clocks import NOON, FixedClock, to_ns

    clock = FixedClock(NOON)
    hooks = [Channel(), Channel()]
    for hook, level in zip(hooks, ("WARNING", "INFO"), strict=True):
        save_channel(
            f"hook {level}",
            by=None,
            by_name="bench",
            kind="WEBHOOK",
            address={"url": hook.url, "key": "0123456789abcdef"},
            level_min=level,
            at=clock.now(),
        )
    storm = Storm(clock.now())
    silence(add_silence, clock.now())
    memory = psutil.Process().memory_info
    before_mb, half = memory().rss / 1e6, {}
    for second in range(seconds + CALM_ROUNDS):
        raging = second < seconds
        storm.take(second, to_ns(clock.now()), samples_per_s if raging else 100, storm=raging)
        clock.advance(timedelta(seconds=1 if raging else CALM_ROUND_S))
        storm.round(clock.now(), to_ns(clock.now()))
        waiting = Delivery.objects.filter(state="WAITING").count()
        storm.most["waiting"] = max(storm.most["waiting"], waiting)
        send_due(clock)
        if second == seconds // 2:
            half = rows()
        if second == seconds - 1:
            after_mb = memory().rss / 1e6
            cost = {name: list(samples) for name, samples in storm.ms.items()}
            taken = (storm.take_ns, storm.taken, storm.samples)
    return {
        **costs(cost, *taken),
        **counts(rows(), half, storm),
        "storm_memory_before_mb": round(before_mb, 1),
        "storm_memory_after_mb": round(after_mb, 1),
        "storm_received": sum(hook.received for hook in hooks),
    }


def silence(add_silence, now) -> None:
    """Silence some of the rules that flap."""
    names = [f"FLAPPING_{number:03}" for number in range(3, 3 + SILENCED)]
    values = {
        "account": FLAPPING_ACCOUNT,
        "rule_ids": names,
        "reason": "known, and somebody is at it",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
    }
    add_silence(values, by=None, by_name="bench", at=now)


def costs(ms: dict[str, list[float]], take_ns: int, taken: int, samples: int) -> dict[str, float]:
    """Return what a sample and a round cost while the storm raged."""
    return {
        "storm_take_ns": round(take_ns / taken),
        "storm_sample_ns": round(take_ns / samples),
        "storm_samples_per_s": round(samples / take_ns * 1e9),
        "storm_judge_us": round(statistics.median(ms["judge"]) * 1_000),
        "storm_round_ms_p50": percentile(ms["round"], 50),
        "storm_round_ms_p99": percentile(ms["round"], 99),
        "storm_round_ms_max": percentile(ms["round"], 100),
        "storm_write_ms_p50": percentile(ms["write"], 50),
        "storm_tell_ms_p50": percentile(ms["tell"], 50),
        "storm_tell_ms_p99": percentile(ms["tell"], 99),
        "storm_samples": samples,
    }


def counts(end: dict[str, int], half: dict[str, int], storm: Storm) -> dict[str, float]:
    """Return what was raised, and who was told of it."""
    from alerts.models import Alert, Delivery
    from alerts.rules.evaluate import BUCKETS_MAX

    alerts = list(Alert.objects.all())
    messages = list(Delivery.objects.all())
    told = [number for one in messages for number in one.alert_ids if one.kind == "FIRING"]
    together = [one for one in messages if len(one.alert_ids) > 1]
    return {
        "storm_rules": len(storm.judged),
        "storm_flapping": FLAPPING,
        "storm_flaps": storm.flaps,
        "storm_buckets_max": storm.most["buckets"],
        "buckets_limit": BUCKETS_MAX + 2,  # the first and the last are only partly in the window
        "storm_alert_rows": end["alerts"],
        "storm_move_rows": end["moves"],
        "storm_moves_half": half["moves"],
        "storm_outbox_rows": end["outbox"],
        "storm_delivery_rows": end["deliveries"],
        "storm_waiting_max": storm.most["waiting"],
        "storm_alerts": sum(one.fired_at is not None for one in alerts),
        "storm_firings": sum(one.count for one in alerts),
        "storm_told": len(set(told)),
        "storm_grouped": sum(len(one.alert_ids) for one in together),
        "storm_suppressed": sum(one.suppressed for one in alerts),
        "storm_muted": sum(bool(one.fired_at) and one.pk not in set(told) for one in alerts),
        "storm_messages": sum(one.state == "SENT" for one in messages),
        "left_waiting": sum(one.state in ("WAITING", "SENDING") for one in messages),
    }


def main() -> None:
    """Set Django up, rage, print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django

    django.setup()
    figures = rage(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
