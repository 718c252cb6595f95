"""What the portal itself measures, from the database: a value for each metric of that source."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Min
from django_q.models import Schedule, Task

from alerts.models import Watch
from alerts.rules.metrics import NOTHING, Value
from polyarb_site import measured
from trading.engine.units import MICRO
from trading.selectors.watched import Sums, Watched, drawdown, newest_verdict

JOBS = "JOBS"  # the watch that only the jobs cluster keeps
FAILED_WITHIN = timedelta(hours=1)
VERDICT_AGE_MAX = timedelta(minutes=5)


@dataclass(slots=True)
class PortalReadings:
    """Reads for one account. `since` is when somebody began to watch without a gap.

    Silence counts from then on at the earliest: before, nobody would have noticed the end of it.
    """

    account: str
    since: datetime
    _sums: Sums = field(default_factory=Sums)

    def take(self, seen: Watched, now: datetime) -> dict[str, Value]:
        """Return the value of each metric of the portal now; None is what is not known."""
        compared = seen.wanted and seen.mode == "LIVE"
        return {
            "engine_heartbeat_age": self._heartbeat(seen, now) if seen.wanted else NOTHING,
            "drawdown_percent": self._drawdown(seen),
            "reconciliation_verdict": self._verdict(now) if compared else NOTHING,
            "backup_age": measured.read("backup_age", now),
            "jobs_failed": _jobs_failed(now),
            "jobs_silence": self._jobs_silence(now),
            "schedule_lateness": self._lateness(now),
        }

    def _heartbeat(self, seen: Watched, now: datetime) -> Value:
        heard = (seen.heartbeat_at, seen.changed_at, self.since)
        return _age(max(at for at in heard if at is not None), now)

    def _drawdown(self, seen: Watched) -> Value:
        """Return how far realised PnL is below its peak, in percent of the equity at the peak."""
        found = drawdown(self.account, seen.phase, self._sums)
        if found is None:
            return NOTHING
        if found.peak_equity_micro is None or found.peak_equity_micro <= 0:
            return None
        return found.below_micro * 100 * MICRO // found.peak_equity_micro

    def _verdict(self, now: datetime) -> Value:
        newest = newest_verdict(self.account)
        if newest is None or now - newest[1] > VERDICT_AGE_MAX:
            return None
        return newest[0]

    def _jobs_silence(self, now: datetime) -> Value:
        heard = Watch.objects.filter(name=JOBS).values_list("beat_at", flat=True).first()
        return _age(max(heard, self.since) if heard else self.since, now)

    def _lateness(self, now: datetime) -> Value:
        """Return how late the latest schedule is; one without repetitions left is none."""
        due = Schedule.objects.exclude(repeats=0).aggregate(first=Min("next_run"))["first"]
        return _age(max(due, self.since), now) if due is not None else None


def _jobs_failed(now: datetime) -> Value:
    return Task.objects.filter(success=False, stopped__gte=now - FAILED_WITHIN).count() * MICRO


def _age(then: datetime, now: datetime) -> int:
    """Return seconds in millionths, 0 for a moment that our clock has not reached yet."""
    return max(0, (now - then) // timedelta(microseconds=1))
