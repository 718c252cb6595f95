"""`manage.py portal_qcluster`: run one django-q cluster as this portal needs it."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.utils.module_loading import autodiscover_modules, import_string
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.tasks import async_task

from polyarb_site.clock import SystemClock
from polyarb_site.cluster import PortalCluster
from polyarb_site.live import parts
from polyarb_site.software import software

GRACE_S = {"engine": 12.0, "jobs": 10.0}
FIRST_TASKS = {"engine": "trading.tasks.ensure_engines", "jobs": "trading.tasks.keep_schedules"}


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT. Exits with 70 when its sentinel died, to be started anew."""

    help = (
        "Run a cluster until SIGTERM. Choose it by its name in the environment: "
        "Q_CLUSTER_NAME=engine manage.py portal_qcluster. Without a name it is 'jobs'."
    )

    # Django's own load every page, which no task shows; the workers are forks of what is loaded.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how long running tasks may take to end."""
        parser.add_argument("--grace", type=float, help="seconds that running tasks get to end")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Clear what dead workers left, ask for the first task, and run."""
        name = str(Conf.CLUSTER_NAME)
        if name not in FIRST_TASKS:
            raise CommandError(f"there is no cluster {name}; choose {' or '.join(FIRST_TASKS)}")
        import_string(FIRST_TASKS[name])  # once here instead of in each worker
        if name == "jobs":
            autodiscover_modules("tasks")
        parts.load()
        software()  # what the children run is what is loaded now, whatever lies on the disk later
        try:
            if name == "engine":
                # Rows of shifts whose workers are gone would be handed out again in hours.
                get_broker(name).purge_queue()  # type: ignore[no-untyped-call]
            async_task(FIRST_TASKS[name], cluster=name)  # type: ignore[no-untyped-call]
        except DatabaseError as error:
            self.stderr.write(f"cluster {name}: the database does not answer yet: {error}")
        connections.close_all()  # a connection must not be shared with the children
        grace_s = options["grace"] or GRACE_S[name]
        sys.exit(PortalCluster(grace_s=grace_s, clock=SystemClock()).run())
