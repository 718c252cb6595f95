"""The rules that stop trading, judged inside the engine's own process once a second.

Nothing in here waits: what the rules say is read by a thread, and what a stop was is written by the
same thread, for as long as it takes. With database, jobs, web and Redis away the last rules that
were read go on stopping. Evidence of a stop is measured here: from the moment from which the rule
held to the last order that left.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseProblem
from django.db import connection

from alerts.rules.evaluate import Judgement, RuleWatch, Verdict
from alerts.rules.metrics import METRICS, Source
from alerts.rules.readings import EngineReadings
from alerts.rules.rule import Rule
from alerts.selectors.rules import rules_in_force, rules_stamp
from alerts.services.stops import Stop, record_stop
from polyarb_site.clock import Clock
from trading.services.observing import HaltRequested, RaiseAlert

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
STOPS_MAX = 200  # that wait for the database
LAST_TRIES, LAST_TRY_S = 10, 0.5  # when the shift has ended
SETTLED_NS = 2_000_000_000  # after this nothing of a stop is still on its way out


@dataclass(slots=True)
class _Open:
    """A stop whose evidence is not complete yet."""

    stop: Stop
    until_ns: int
    looked: bool = False  # at figures of a second in which it stood
    last_ns: int | None = None  # the newest order that left until then


class EngineRules:
    """Observes one account's engine, session after session. See trading.runtime.parts.Observer."""

    def __init__(self, account: str, clock: Clock, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._account = account
        self._clock = clock
        self._look_every_s = look_every_s
        self._readings = EngineReadings()
        self._rules: tuple[Rule, ...] = ()
        self._stamp: int | None = None
        self._figures: Mapping[str, Any] = {}
        self._place: tuple[object, object, object] = (None, None, None)
        self._judged: tuple[Rule, ...] | None = None  # the rules that the watches are of
        self._watches: dict[str, RuleWatch] = {}
        self._raised: set[str] = set()
        self._halted_ns: int | None = None  # the newest figures that were of a halted engine
        self._open: deque[_Open] = deque()
        self._waiting: deque[Stop] = deque()
        self._done = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alert-rules", daemon=True)

    # Around a shift

    def __enter__(self) -> "EngineRules":
        """Read the rules, if the database answers, and go on looking for newer ones."""
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what still waits, for a moment, and stop looking."""
        while self._open:
            self._hand_over(self._open.popleft().stop)  # as far as it is known
        self._done.set()
        self._wake.set()
        self._thread.join(LAST_TRIES * LAST_TRY_S + 5)

    # What the loop calls. None of it may wait.

    def on_figures(self, figures: Mapping[str, Any], now_ns: int) -> Iterable[HaltRequested]:
        """Judge the figures of one second, and say what has to stop."""
        began_ns = self._clock.monotonic_ns()
        self._figures = figures
        self._follow(figures, now_ns)
        values = self._readings.take(figures, now_ns)
        halts = []
        for rule_id, watch in self._watches.items():
            watch.take(values.get(watch.rule.metric), now_ns)
            judgement = watch.judge(now_ns)
            if judgement.raises:
                halts.append(HaltRequested(code=rule_id, reason=judgement.reason[:500]))
                if rule_id not in self._raised:
                    cause_ns = max(judgement.due_ns, judgement.since_ns)
                    self._begin(rule_id, judgement, figures, cause_ns, began_ns, now_ns)
                elif not figures.get("halt_code"):
                    # Somebody resumed while it goes on: it stops anew what has left since then.
                    cause_ns = self._halted_ns or now_ns
                    self._begin(rule_id, judgement, figures, cause_ns, began_ns, now_ns)
                self._raised.add(rule_id)
            else:
                self._raised.discard(rule_id)
        self._settle(figures, now_ns)
        if figures.get("halt_code"):
            self._halted_ns = now_ns
        return halts

    def on_alert(self, alert: RaiseAlert, now_ns: int) -> Iterable[HaltRequested]:
        """Stop for what the engine says itself, without waiting for the figures of the second."""
        began_ns = self._clock.monotonic_ns()
        rule = next((one for one in self._rules if one.rule_id == alert.rule), None)
        if rule is None or not rule.stops_trading or not self._applies(rule):
            return ()
        if alert.rule not in self._raised:
            self._raised.add(alert.rule)
            said = Judgement(
                verdict=Verdict.FIRING,
                value="",
                bound="",
                since_ns=now_ns,
                due_ns=now_ns,
                reason=alert.text,
            )
            self._begin(alert.rule, said, self._figures, now_ns, began_ns, now_ns)
        return (HaltRequested(code=alert.rule, reason=alert.text[:500]),)

    # Inside

    def _follow(self, figures: Mapping[str, Any], now_ns: int) -> None:
        """Begin new watches when the session, its phase or mode, or the rules changed."""
        phase = figures.get("phase")
        place, rules = (figures.get("session"), phase, figures.get("mode")), self._rules
        if place == self._place and rules is self._judged:
            return
        before = self._watches if place == self._place else {}
        self._place, self._judged, self._watches = place, rules, {}
        for rule in rules:
            if not self._applies(rule):
                continue
            old = before.get(rule.rule_id)
            if old is not None and old.rule == rule:
                self._watches[rule.rule_id] = old
            else:
                watch = RuleWatch(rule, phase=int(phase or 0), began_ns=now_ns)
                self._watches[rule.rule_id] = watch

    def _applies(self, rule: Rule) -> bool:
        _, phase, mode = self._place
        return isinstance(phase, int) and rule.applies(phase, str(mode))

    def _begin(
        self,
        rule_id: str,
        judgement: Judgement,
        figures: Mapping[str, Any],
        cause_ns: int,
        began_ns: int,
        now_ns: int,
    ) -> None:
        took_ns = self._clock.monotonic_ns() - began_ns
        stop = Stop(
            account=self._account,
            rule_id=rule_id,
            session=str(figures.get("session", "")),
            reason=judgement.reason,
            value=judgement.value,
            bound=judgement.bound,
            unknown=judgement.verdict == "UNKNOWN",
            cause_ns=cause_ns,
            judged_ns=now_ns,
            judging_ns=took_ns,
            halted_already=bool(figures.get("halt_code")),
            orders_followed=figures.get("orders_followed"),
        )
        self._open.append(_Open(stop, now_ns + SETTLED_NS))

    def _settle(self, figures: Mapping[str, Any], now_ns: int) -> None:
        """Complete the evidence of stops after which nothing can leave any more.

        What leaves after somebody has resumed, or in the next session, is of no stop before that.
        """
        halted, sent_ns = bool(figures.get("halt_code")), figures.get("entry_sent_ns")
        for one in self._open:
            if one.stop.judged_ns == now_ns:
                continue  # it has only begun
            if halted and figures.get("session") == one.stop.session:
                one.looked = True
                one.last_ns = sent_ns if isinstance(sent_ns, int) else None
            else:
                one.until_ns = now_ns
        while self._open and now_ns >= self._open[0].until_ns:
            one = self._open.popleft()
            self._hand_over(one.stop.completed(one.last_ns) if one.looked else one.stop)

    def _hand_over(self, stop: Stop) -> None:
        if len(self._waiting) >= STOPS_MAX:
            logger.error("a stop for %s is not recorded, too many wait", stop.rule_id)
            return
        self._waiting.append(stop)
        self._wake.set()

    def _run(self) -> None:
        try:
            while not self._done.is_set():
                self._wake.wait(self._look_every_s)
                self._wake.clear()
                self._look()
                self._write()
            self._write_the_last()
        finally:
            connection.close()

    def _write_the_last(self) -> None:
        """Try for some seconds more: a session is fenced before a lost database is back."""
        for _ in range(LAST_TRIES):
            self._write()
            if not self._waiting:
                return
            self._wake.clear()
            self._wake.wait(LAST_TRY_S)
        rules = ", ".join(stop.rule_id for stop in self._waiting)
        logger.error("the evidence of stops by %s is lost: the database did not come back", rules)

    def _look(self) -> None:
        """Read the rules when they changed. Those that were read last stay when it cannot."""
        try:
            stamp = rules_stamp()
            if stamp == self._stamp:
                return
            found = rules_in_force()
        except DatabaseProblem:
            logger.warning("the alert rules cannot be read; the last ones stay in force")
            connection.close()
            return
        for rule_id, problem in found.broken.items():
            logger.error("rule %s is not judged, this version cannot read it: %s", rule_id, problem)
        rules = [rule for _, rule in found.values()]
        self._rules = tuple(
            rule
            for rule in rules
            if rule.enabled and rule.stops_trading and METRICS[rule.metric].source is Source.ENGINE
        )
        self._stamp = stamp

    def _write(self) -> None:
        while self._waiting:
            try:
                record_stop(self._waiting[0], at=self._clock.now())
            except DatabaseProblem:
                logger.warning("a stop for %s waits for the database", self._waiting[0].rule_id)
                connection.close()
                return
            self._waiting.popleft()
