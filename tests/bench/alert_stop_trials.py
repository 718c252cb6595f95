"""The trials of one mode of alert_stop.py: one stop after the other, each ended by resuming.

Venue (alert_stop_venue.py) and engine with its signer (alert_stop_engine.py) are processes of their
own and tell what they do in lines. Nothing else runs: no web, no jobs. Prints one line of JSON: a
list of what each trial was, times in milliseconds.
"""

import json
import os
import random
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

from tests.bench.alert_stop_parts import AWAY, Child, Database, retried

MODES = ("alone", "redis", "locked", "stopped", "frozen")
CAUSES = {"gap": "OPPORTUNITY_DETECTED", "feed": "WS_DISCONNECTED"}
NOBODY_LISTENS = "redis://127.0.0.1:9/0"
START_S_MAX = RESUME_S_MAX = 180  # resuming waits for a comparison that is a match
TEMPT_S = 0.4  # for so long gaps go on after the stop
MANDATE_S_MAX = 20
AWAY_S = 0.2  # and the database stays away
SECOND_NS = 1_000_000_000
MS_NS = 1_000_000


class Trials:
    """The trials of one installation."""

    def __init__(self, venue, engine, database, *, cause, seed):
        self.venue, self.engine, self.database = venue, engine, database
        self.rule = CAUSES[cause]
        self.cause = cause
        self.random = random.Random(seed)
        self.resumes = []  # when each began
        self.evidence = {}  # by the moment of the judgement, as text
        self.faulty = type(database) is not Database

    # One trial

    def trial(self, number):
        """Let the rule fire once; return what is known of it at once, times of the machine."""
        self.collect()
        resumed_ns, free_ns = self.resume(f"trial {number} is to begin")
        self.sleep_until_phase(0.15 if self.faulty else self.random.uniform(0.1, 0.9))
        self.venue.say("offer")
        if self.cause == "feed":
            self.wait_left(resumed_ns)
            time.sleep(self.random.uniform(0, 0.5))
        if self.faulty:
            self.sleep_until_phase(0.6)
            self.database.away()
        if self.cause == "feed":
            self.venue.say("drop")
        stop = self.wait_stop(free_ns)
        if self.faulty:
            time.sleep(AWAY_S)
            self.database.back()
        time.sleep(max(0.0, stop["ns"] / 1e9 + TEMPT_S - time.monotonic()))
        self.venue.say("quiet")
        self.reset_breaker()
        if self.cause == "feed":
            self.venue.say("open")
        self.wait_quiet(stop["ns"])
        return {"resumed_ns": resumed_ns, "stop": stop, "halted_mandate": self.mandate_halted()}

    def resume(self, reason):
        """Resume as a person does, with a reason; return when that began and when it was seen."""
        from django.conf import settings

        from trading.services import ServiceRefused, resume

        until_s = time.monotonic() + RESUME_S_MAX
        while True:
            began_ns = time.monotonic_ns()
            try:
                retried(lambda: resume(settings.ACCOUNT, by=None, by_name="bench", reason=reason))
            except ServiceRefused as refused:
                if refused.code == "NOT_HALTED" or time.monotonic() > until_s:
                    raise RuntimeError(f"{refused}; {newest_comparison()}") from None
                time.sleep(0.2)
            else:
                self.resumes.append(began_ns)
                return began_ns, self.wait_free(began_ns)

    def reset_breaker(self):
        """Close the breaker: sets that the stop kept from beginning count as failed."""
        from django.conf import settings

        from trading.services import ServiceRefused, reset_breaker

        reason = "they were kept from beginning"
        with suppress(ServiceRefused):
            retried(
                lambda: reset_breaker(settings.ACCOUNT, by=None, by_name="bench", reason=reason)
            )

    def wait_free(self, since_ns):
        """Wait for figures of an engine that may trade and sees its books; return when."""

        def free(one):
            fine = not one.get("halted") and not one.get("halts") and one.get("connected")
            return self.is_figures(one, since_ns) and fine and not one["access"]

        return self.engine.wait(free, RESUME_S_MAX, "an engine that may trade")["ns"]

    def wait_left(self, since_ns):
        fits = {"what": "left", "entry": True}
        self.engine.wait(
            lambda one: fits.items() <= one.items() and one["ns"] > since_ns,
            RESUME_S_MAX,  # a comparison that trades kept from ending is made again first
            "a batch",
        )

    def wait_stop(self, since_ns):
        return self.engine.wait(
            lambda one: self.is_figures(one, since_ns) and self.rule in one["halts"], 20, "a stop"
        )

    def wait_quiet(self, since_ns):
        def quiet(one):
            if not self.is_figures(one, since_ns) or one["halts"]:
                return False
            return one["connected"] and one["books_fresh"] and one["halted"]

        self.engine.wait(quiet, 60, "the end of the condition")

    def is_figures(self, one, since_ns):
        return one["what"] == "figures" and one["ns"] > since_ns

    def sleep_until_phase(self, part):
        """Sleep until this part of the engine's second; it judges at its beginning."""
        newest = next(one for one in reversed(self.engine.told) if one["what"] == "figures")
        offset_ns = newest["now_ns"] - newest["began_ns"]
        into_s = (time.monotonic_ns() + offset_ns) % SECOND_NS / SECOND_NS
        time.sleep((part - into_s) % 1)

    # What the database says

    def mandate_halted(self):
        """Wait until the mandate is halted; return the cause that it names."""
        from trading.models import Mandate

        until_s = time.monotonic() + MANDATE_S_MAX
        while time.monotonic() < until_s:
            row = retried(Mandate.objects.get)
            if row.halted:
                return row.halt_code
            time.sleep(0.05)
        return ""

    def collect(self):
        """Keep what alerts say of stops: a row holds the newest twenty."""
        from alerts.models import Alert

        for evidence in retried(lambda: list(Alert.objects.values_list("evidence", flat=True))):
            for stop in evidence.get("stops", []):
                self.evidence[stop["judged_at"]] = stop

    # Afterwards

    def summed_up(self, done):
        """Return each trial in milliseconds since its cause."""
        # Also of a trial that came to nothing: what leaves after it belongs to no other.
        ends = [*self.resumes, time.monotonic_ns()][1 : len(done) + 1]
        return [self.one(one, end_ns) for one, end_ns in zip(done, ends, strict=True)]

    def one(self, trial, end_ns):
        begin_ns, stop = trial["resumed_ns"], trial["stop"]
        stop_ns, cause_ns = stop["ns"], stop["began_ns"]

        def times(child, **fits):
            return [
                one["ns"]
                for one in list(child.told)
                if fits.items() <= one.items() and begin_ns < one["ns"] < end_ns
            ]

        left = times(self.engine, what="left", entry=True)
        arrived = times(self.venue, what="batch", entry=True)
        world = times(self.venue, what="gap" if self.cause == "gap" else "dropping")
        evidence = self.evidence.get(iso(stop["now_ns"]))
        last_ns = max([stop_ns, *left])
        return {
            "rule": self.rule,
            "mandate": trial["halted_mandate"],
            "stopped_ms": (last_ns - cause_ns) / MS_NS,
            "world_ms": (max([stop_ns, *arrived]) - world[0]) / MS_NS if world else None,
            "left": len(left),
            "left_after": sum(ns > stop_ns for ns in left),
            "arrived": len(arrived),
            "arrived_after": sum(ns > stop_ns for ns in arrived),
            "arrived_late_ms": max(((ns - stop_ns) / MS_NS for ns in arrived), default=None),
            "evidence_ms": evidence["stopped_us"] / 1_000 if evidence else None,
            "evidence_complete": bool(evidence and evidence["complete"]),
        }


def iso(ns):
    """Return a moment as the evidence says it."""
    from alerts.services.stops import _iso

    return _iso(ns)


def at_once(rule_id, metric, operator, value):
    """Save a revision of a rule: it fires with the first bad value, and stops trading."""
    from alerts.services import save_rule

    query = {"metric": metric, "operator": operator, "value": value, "window_seconds": 0}
    values = {"id": rule_id, "severity": "CRITICAL", "query": {**query, "counting": "AT_ONCE"}}
    actions = ["stop_trading", "log"]
    save_rule(values | {"actions": actions}, by=None, by_name="bench", reason="no time to wait")


def prepare(cause):
    """Seed, and shorten the rule that is to fire."""
    if cause == "gap":
        at_once(CAUSES[cause], "opportunity_detected", ">", 0)
    else:
        at_once(CAUSES[cause], "ws_connected", "==", False)


def rounds(one, mode, cause, trials, seed, cluster):
    """Run the trials on a fresh installation."""
    from trading.models import Order

    prepare(cause)
    venue = Child(one, "tests.bench.alert_stop_venue", str(one.directory / "venue"))
    port = venue.line()
    more = {"REDIS_URL": NOBODY_LISTENS} if mode == "redis" else {}
    engine = Child(one, "tests.bench.alert_stop_engine", POLYARB_SIMULATOR_PORT=port, **more)
    venue.listen(), engine.listen()
    database = AWAY.get(mode, Database)(one, cluster)
    every = Trials(venue, engine, database, cause=cause, seed=seed)
    # Maybe halted already: there is no feed in its first second.
    engine.wait(lambda one: one.get("connected") and not one["access"], START_S_MAX, "an engine")
    halt_first()
    done, problem = [], ""
    try:
        for number in range(trials):
            done.append(every.trial(number + 1))
            sys.stderr.write(f"{number + 1} of {trials}\n")
    except RuntimeError as error:  # what was measured until then still counts
        problem = str(error)
    time.sleep(4)  # for the last evidence
    every.collect()
    found = every.summed_up(done)
    kept = Order.objects.filter(reason__contains="halted meanwhile").count()
    ended = [told["result"] for told in engine.told if told["what"] == "shift"]
    engine.process.terminate()
    engine.process.wait(60)
    venue.process.stdin.close()
    venue.process.wait(30)
    return {"trials": found, "orders_kept": kept, "shifts_ended": ended, "problem": problem}


def newest_comparison():
    """Return what the newest comparison of the books said, for a message."""
    from trading.models import ReconciliationRun

    return ReconciliationRun.objects.order_by("-pk").values().first()


def halt_first():
    """Halt, so that each trial begins in the same way: by resuming."""
    from django.conf import settings

    from trading.services import halt

    halt(settings.ACCOUNT, by=None, by_name="bench", reason="before the first trial")
    time.sleep(1.5)


def main():
    """Make an installation, run, print."""
    mode, cause, trials, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    cluster = None
    with tempfile.TemporaryDirectory(prefix="pal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.environ["DATABASE_URL"] = ""
        if mode in ("stopped", "frozen"):
            from tests.helpers.postgres_cluster import Cluster

            cluster = Cluster(folder / "cluster")
            cluster.start()
            os.environ["DATABASE_URL"] = cluster.url
        from tests.helpers.installation import Installation

        one = Installation(folder / "data", f"stop_{uuid.uuid4().hex[:12]}")
        try:
            one.manage("migrate", "-v0", seconds=300)
            one.manage("seed", seconds=300)
            os.environ.update(one.environment, DJANGO_SETTINGS_MODULE="polyarb_site.settings")
            import django

            django.setup()
            from django.db import connections

            found = rounds(one, mode, cause, trials, seed, cluster)
            connections.close_all()
        finally:
            one.end()
            if cluster is not None:
                cluster.stop()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
