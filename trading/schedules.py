"""What the jobs cluster does regularly. Registered anew at each of its starts; once each."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django_q.models import Schedule

from polyarb_site.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Regular:
    """A task and how often it runs.

    `at_start`: also a minute after each start of the cluster; `at_once`: right at each start.
    """

    name: str
    task: str
    every_minutes: int
    at_start: bool = False
    at_once: bool = False

    @property
    def first_minutes(self) -> int:
        """Return how long after its registration it runs."""
        if self.at_once:
            return 0
        return 1 if self.at_start else self.every_minutes

    def next_run(self, now: datetime) -> datetime:
        """Return when it runs first."""
        return now + timedelta(minutes=self.first_minutes)

    def schedule(self) -> dict[str, Any]:
        """Return what its row says."""
        return {"schedule_type": Schedule.MINUTES, "minutes": self.every_minutes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """A task that runs once a day, at a time of UTC. One that was missed runs at the next start."""

    name: str
    task: str
    hour: int
    minute: int
    at_start: bool = False
    at_once: bool = False

    def next_run(self, now: datetime) -> datetime:
        """Return its next time after now."""
        utc = now.astimezone(UTC)
        at = utc.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        return at if at > utc else at + timedelta(days=1)

    def schedule(self) -> dict[str, Any]:
        """Return what its row says."""
        return {"schedule_type": Schedule.DAILY, "minutes": None}


SCHEDULES: tuple[Regular | Daily, ...] = (
    Regular(name="engines", task="trading.tasks.ensure_engines", every_minutes=1),
    Regular(name="outbox", task="trading.tasks.prune_outbox", every_minutes=5),
    Regular(name="reconciliations", task="trading.tasks.thin_reconciliations", every_minutes=60),
    # A minute after the start, when venue and signer of the same start answer too.
    Regular(name="wallets", task="trading.tasks.check_wallets", every_minutes=15, at_start=True),
    Regular(name="wallet checks", task="trading.tasks.thin_wallet_checks", every_minutes=60),
    # Named by their path alone: trading knows nothing of alerts. Each goes on by itself; this is
    # for the first one, and for when a worker was killed in the middle.
    Regular(name="alert rules", task="alerts.tasks.watch", every_minutes=1, at_once=True),
    Regular(name="deliveries", task="alerts.tasks.send", every_minutes=1, at_once=True),
    Regular(name="kill criteria", task="checks.tasks.watch", every_minutes=1, at_once=True),
    Regular(name="breaker drills", task="checks.tasks.drill", every_minutes=60, at_start=True),
    Regular(name="old alerts", task="alerts.tasks.thin", every_minutes=60),
    Daily(name="daily report", task="reports.tasks.make_daily_reports", hour=0, minute=5),
    Regular(name="reports", task="reports.tasks.watch_reports", every_minutes=1),
    Regular(name="journals", task="trading.tasks.remove_old_journals", every_minutes=60),
    Daily(name="replays", task="trading.tasks.ask_for_replays", hour=0, minute=20),
    # Whatever a night has missed, or was stopped in the middle of.
    Regular(name="missed replays", task="trading.tasks.ask_for_replays", every_minutes=30),
    # The first backup is the last step of the first run: it comes with the start.
    Regular(
        name="backups", task="reports.tasks.look_after_backups", every_minutes=5, at_start=True
    ),
    Regular(name="audit", task="reports.tasks.verify_audit", every_minutes=60, at_start=True),
    Regular(name="phases", task="checks.tasks.evaluate_phases", every_minutes=10, at_start=True),
    Regular(name="evaluations", task="checks.tasks.thin", every_minutes=60),
    Regular(name="check runs", task="checks.tasks.sweep_runs", every_minutes=1),
    Regular(name="samples", task="trading.tasks.thin_samples", every_minutes=60),
    Regular(name="promotions", task="checks.tasks.sweep_promotions", every_minutes=1),
)


def keep_schedules(clock: Clock) -> int:
    """Make the schedules what the table says, whatever they were; return how many there are.

    A schedule that is right keeps its next run, unless it runs at each start. Nobody else's
    schedules are touched.
    """
    for regular in SCHEDULES:
        wanted = {
            "func": regular.task,
            **regular.schedule(),
            "repeats": -1,
            "cluster": None,
        }
        same = Schedule.objects.filter(name=regular.name)
        right = same.filter(**wanted).order_by("id").first()
        if right is None:
            next_run = regular.next_run(clock.now())
            right = Schedule.objects.create(name=regular.name, next_run=next_run, **wanted)
        elif regular.at_start or regular.at_once:
            next_run = regular.next_run(clock.now())
            Schedule.objects.filter(pk=right.pk).update(next_run=next_run)
        same.exclude(pk=right.pk).delete()
    return len(SCHEDULES)
