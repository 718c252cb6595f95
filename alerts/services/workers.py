"""Signs of life of the clusters and of the scheduler, and how old they are."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import async_task

from alerts.models import Watch
from alerts.selectors.portal import JOBS
from polyarb_site.clock import Clock
from polyarb_site.probes import CANARY, CANARY_GROUP
from trading.selectors.watched import watched

SILENCE_MAX = timedelta(seconds=45)
LATE_MAX = timedelta(seconds=120)
AHEAD_MAX = timedelta(seconds=5)  # another host's clock may be so far ahead
ASK_MS = 2_200  # how long the engine cluster is given for a canary
LOOK_S = 0.1
ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was heard of one part."""

    name: str
    alive: bool
    said: str


def worker_signs(account: str, now: datetime, *, clock: Clock) -> list[Sign]:
    """Return a sign each of the jobs cluster, the scheduler and the engine cluster."""
    return [_jobs(now), _scheduler(now), _engine(account, now, clock)]


def _jobs(now: datetime) -> Sign:
    """Judge by the round of rules that only the jobs cluster marks."""
    heard = Watch.objects.filter(name=JOBS).values_list("beat_at", flat=True).first()
    return _sign("jobs cluster", heard, now)


def _scheduler(now: datetime) -> Sign:
    """Judge by how late the latest schedule is: without a scheduler all of them are."""
    due = Schedule.objects.exclude(repeats=0).aggregate(first=Min("next_run"))["first"]
    if due is None:
        return Sign(name="scheduler", alive=False, said="nothing is scheduled")
    late = max(timedelta(0), now - due)
    said = "no schedule is late" if not late else f"the latest schedule is {_s(late)} s late"
    return Sign(name="scheduler", alive=late <= LATE_MAX, said=said)


def _engine(account: str, now: datetime, clock: Clock) -> Sign:
    """Judge by the engine's own heartbeat, else by a canary: a small task that it has to do."""
    name = "engine cluster"
    seen = watched(account)
    heard = seen.heartbeat_at if seen is not None and seen.running else None
    if heard is not None and -AHEAD_MAX <= now - heard <= SILENCE_MAX:
        return Sign(name=name, alive=True, said=f"its heartbeat is {_s(now - heard)} s old")
    canaries = Task.objects.filter(func=CANARY, group=CANARY_GROUP, success=True)
    done = [row for row in canaries.order_by("-stopped")[:20] if row.args == (ENGINE,)]
    if done and -AHEAD_MAX <= now - done[0].stopped <= SILENCE_MAX:
        return _sign(name, done[0].stopped, now)
    return _asked(name, clock)


def _asked(name: str, clock: Clock) -> Sign:
    """Give the cluster a canary of its own, and take it back when nobody does it in time."""
    before = OrmQ.objects.aggregate(last=Max("pk"))["last"] or 0
    task_id = async_task(  # type: ignore[no-untyped-call]
        CANARY, ENGINE, cluster=ENGINE, group=CANARY_GROUP
    )
    ends_ns = clock.monotonic_ns() + ASK_MS * 1_000_000
    pause = threading.Event()
    while clock.monotonic_ns() < ends_ns:
        if Task.objects.filter(id=task_id, success=True).exists():
            return Sign(name=name, alive=True, said="it did a small task at once")
        pause.wait(LOOK_S)
    for row in OrmQ.objects.filter(pk__gt=before, key=ENGINE):
        if row.task_id() == task_id:  # type: ignore[no-untyped-call]
            row.delete()
    return Sign(name=name, alive=False, said=f"a small task was not done within {ASK_MS:,} ms")


def _sign(name: str, heard: datetime | None, now: datetime) -> Sign:
    if heard is None:
        return Sign(name=name, alive=False, said="it was never heard of")
    age = now - heard
    if age < -AHEAD_MAX:
        return Sign(name=name, alive=False, said=f"its sign is {_s(-age)} s in the future")
    alive = age <= SILENCE_MAX
    return Sign(name=name, alive=alive, said=f"last heard of {_s(age)} s ago")


def _s(age: timedelta) -> int:
    return max(0, age // timedelta(seconds=1))
