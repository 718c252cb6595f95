"""How the supervisor finds out that a process lives but no longer works.

A cluster whose idle worker died holding the queue's lock looks alive and does nothing: so every
cluster is sent a small task from time to time, and has to do it. A web process has to answer.
"""

import http.client
from datetime import timedelta

from django.db import DatabaseError, InterfaceError
from django_q.models import Task
from django_q.tasks import async_task

from polyarb_site.clock import Clock

CANARY = "trading.tasks.canary"
CANARY_GROUP = "canary"
NS_PER_S = 1_000_000_000
ANSWER_S_MAX = 20
HTTP_S_MAX = 5
MISSES_MAX = 2
KEPT = timedelta(minutes=10)


class ClusterProbe:
    """Sends one canary at a time to a cluster; call it to hear whether the cluster still works.

    While the database does not answer nobody can tell, and a restart would not help: that counts as
    working.
    """

    def __init__(self, cluster: str, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._task_id = ""
        self._sent_ns = 0

    def __call__(self) -> bool:
        """Return whether the last canary was done in time; send the next when it was."""
        try:
            return self._look()
        except (DatabaseError, InterfaceError):
            self._task_id = ""
            return True

    def _look(self) -> bool:
        now_ns = self._clock.monotonic_ns()
        if self._task_id and not Task.objects.filter(id=self._task_id).exists():
            if now_ns - self._sent_ns < ANSWER_S_MAX * NS_PER_S:
                return True
            self._task_id = ""
            return False
        Task.objects.filter(group=CANARY_GROUP, stopped__lt=self._clock.now() - KEPT).delete()
        self._task_id = async_task(  # type: ignore[no-untyped-call]
            CANARY, self._cluster, cluster=self._cluster, group=CANARY_GROUP
        )
        self._sent_ns = now_ns
        return True


class WebProbe:
    """Asks the web process for /healthz; any answer in time counts, also that a part is down."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._misses = 0

    def __call__(self) -> bool:
        """Return False after several times without any answer."""
        self._misses = 0 if self.answers() else self._misses + 1
        return self._misses < MISSES_MAX

    def answers(self) -> bool:
        """Ask once."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=HTTP_S_MAX)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True
