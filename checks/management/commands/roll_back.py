"""Roll back to a lower phase."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from checks.management.base import FAILED, PortalCommand, shell_name
from checks.models import Rollback, RollbackStep
from checks.selectors.rollbacks import step_dict
from checks.services.rollbacks import carry_on, roll_back
from polyarb_site.clock import SystemClock

LOOK_S = 1.0


class Command(PortalCommand):
    """Halts first, then does each step and shows it. Interrupted, it is gone on with elsewhere."""

    help = (
        "Halt, cancel, close, and go down to a lower phase; in phase 0 halt and open an incident. "
        "Said again while one is under way, it carries that one on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take why, and how far down."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--to", type=int, help="the phase to go to; the one before if not said")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Roll back, and wait for its end."""
        del args
        clock = SystemClock()
        row = roll_back(
            options["account"],
            to=options["to"],
            by_name=shell_name(),
            reason=options["reason"],
            at=clock.now(),
        )
        self.stdout.write(f"rollback {row.pk}: phase {row.phase_from} to {row.phase_to}")
        self._shown: set[int] = set()
        while row.state == Rollback.State.RUNNING:
            row = carry_on(row, clock=clock, pause=self._pause, on_step=self._show)
            for step in row.steps.order_by("order"):  # what another process did
                self._show(step)
            if row.state == Rollback.State.RUNNING:
                self._pause(LOOK_S)
        if row.state != Rollback.State.FINISHED:
            raise CommandError(
                f"rollback {row.pk} is finished, with failures: see what is left to do above",
                returncode=FAILED,
            )
        self.stdout.write(f"rollback {row.pk} is finished; its incident is {row.incident_id}")

    def _show(self, step: RollbackStep) -> None:
        """Write a line for a step that has ended."""
        if step.state not in (RollbackStep.State.DONE, RollbackStep.State.FAILED):
            return
        if step.pk in self._shown:
            return
        self._shown.add(step.pk)
        told = step_dict(step)
        took = f"{told['took_ms']:,} ms" if told["took_ms"] is not None else ""
        self.stdout.write(f"  {step.state:<6} {step.name:<8} {took:>10}  {step.detail}")
        if told["remedy"]:
            self.stdout.write(f"         do: {told['remedy']}")

    def _pause(self, seconds: float) -> None:
        self.stdout.flush()
        time.sleep(seconds)
