"""The task queue: what is planned, waits, ended well, and failed. Nothing is edited here.

A schedule names the function that it runs, so changing one over the web would be running code.
"""

from typing import Any

import django_q.admin  # noqa: F401 - registers pages of its own, which are replaced below
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from unfold.decorators import display

from polyarb_site.formats import ms_between
from polyarb_site.templatetags import money
from trading.admin.base import ReadOnlyAdmin
from trading.admin.cells import badge
from trading.admin.filters import time_range
from trading.wording import BAD, GOOD, QUIET, WARN, Wording

RESULT_SHOWN_MAX = 120
OUTCOMES = {
    True: Wording("Succeeded", "The last run ended well.", "", GOOD),
    False: Wording("Failed", "The last run failed; its page says how.", "", BAD),
    None: Wording("Not run yet", "It was never run, or its record is gone.", "", QUIET),
}

for _model in (Schedule, Success, Failure, OrmQ):
    admin.site.unregister(_model)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    """What runs by the clock."""

    list_display = ("title", "func", "schedule_type", "cluster", "next_time", "outcome")
    list_filter_submit = False
    search_fields = ("name", "func")
    ordering = ("next_run",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the schedules with how the last run ended."""
        last = Task.objects.filter(id=OuterRef("task")).values("success")
        rows: QuerySet[Any] = super().get_queryset(request)
        told: QuerySet[Any] = rows.annotate(last_success=Subquery(last))
        return told

    @display(description="name")
    def title(self, row: Any) -> str:
        """Return its name, or its number."""
        return row.name or f"schedule {row.pk}"

    @display(description="next run", ordering="next_run")
    def next_time(self, row: Any) -> SafeString:
        """Return when it is due."""
        return money.utc(row.next_run, "it runs no more")

    @display(description="last run")
    def outcome(self, row: Any) -> SafeString:
        """Return how the last run ended."""
        return badge(OUTCOMES[row.last_success])


class TaskAdmin(ReadOnlyAdmin):
    """What ran."""

    list_display = ("name", "func", "group", "cluster", "begun", "took", "answer")
    list_filter = (time_range("started"),)
    search_fields = ("name", "func", "group")
    ordering = ("-stopped",)
    fields = (
        *("name", "func", "group", "cluster", "args", "kwargs", "begun", "took", "attempt_count"),
        "result",
    )

    @display(description="started")
    def begun(self, row: Any) -> SafeString:
        """Return when it started."""
        return money.utc(row.started)

    @display(description="took")
    def took(self, row: Any) -> SafeString:
        """Return how long it ran."""
        return money.millis(ms_between(row.started, row.stopped))

    @display(description="result")
    def answer(self, row: Any) -> str:
        """Return the beginning of what it returned or raised."""
        text = "" if row.result is None else str(row.result)
        cut = len(text) > RESULT_SHOWN_MAX
        return f"{text[:RESULT_SHOWN_MAX]}…" if cut else text or "nothing returned"


@admin.register(Success)
class SuccessAdmin(TaskAdmin):
    """What ended well; the newest thousand are kept."""


@admin.register(Failure)
class FailureAdmin(TaskAdmin):
    """What failed, with what it raised."""


@admin.register(OrmQ)
class WaitingAdmin(ReadOnlyAdmin):
    """What waits for a worker, or is with one."""

    list_display = ("id", "key", "task_name", "task_func", "held")
    ordering = ("id",)
    fields = ("key", "task_name", "task_func", "held")

    @display(description="task")
    def task_name(self, row: Any) -> str:
        """Return the task's name."""
        return str(row.name())

    @display(description="runs")
    def task_func(self, row: Any) -> str:
        """Return the function."""
        return str(row.func())

    @display(description="state")
    def held(self, row: Any) -> SafeString:
        """Return whether a worker has it."""
        if row.lock is None:
            return badge(Wording("Waiting", "No worker has taken it yet.", "", WARN))
        return badge(Wording("Taken", f"Given again after {row.lock:%Y-%m-%d %H:%M:%S} UTC."))
