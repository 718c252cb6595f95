"""What the jobs cluster does regularly. Registered anew at each of its starts; once each."""

from dataclasses import dataclass
from datetime import timedelta

from django_q.models import Schedule

from polyarb_site.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Regular:
    """A task and how often it runs."""

    name: str
    task: str
    every_minutes: int


SCHEDULES = (
    Regular(name="engines", task="trading.tasks.ensure_engines", every_minutes=1),
    Regular(name="outbox", task="trading.tasks.prune_outbox", every_minutes=5),
    Regular(name="samples", task="trading.tasks.thin_samples", every_minutes=60),
)


def keep_schedules(clock: Clock) -> int:
    """Make the schedules what the table says, whatever they were; return how many there are.

    A schedule that is right keeps its next run. Nobody else's schedules are touched.
    """
    for regular in SCHEDULES:
        wanted = {
            "func": regular.task,
            "schedule_type": Schedule.MINUTES,
            "minutes": regular.every_minutes,
            "repeats": -1,
            "cluster": None,
        }
        same = Schedule.objects.filter(name=regular.name)
        right = same.filter(**wanted).order_by("id").first()
        if right is None:
            next_run = clock.now() + timedelta(minutes=regular.every_minutes)
            right = Schedule.objects.create(name=regular.name, next_run=next_run, **wanted)
        same.exclude(pk=right.pk).delete()
    return len(SCHEDULES)
