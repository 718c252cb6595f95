"""Carrying out a rollback: one process at a time, step by step, from wherever it was left."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection

from alerts.services import watches
from checks.models import Rollback, RollbackStep
from checks.services.rollback_moves import begin, end, finish
from checks.services.rollback_steps import LOOKS, Done, Failed, Look, Scene, Waiting
from polyarb_site.clock import Clock
from trading.services import HaltFailed, ServiceRefused
from trading.services.observing import this_process

logger = logging.getLogger(__name__)

State = RollbackStep.State
LEASE_TTL = timedelta(seconds=30)
RENEW_S = 10.0
LOOK_S = 0.5
ATTEMPTS_MAX = 5  # a step during which that many processes died is given up, and the next is done
WHAT_STEPS_RAISE = (ServiceRefused, HaltFailed, OSError)

Asked = Callable[[], bool]
Pause = Callable[[float], object]
Told = Callable[[RollbackStep], object]


def lease_name(row: Rollback) -> str:
    """Return the name of the lease that one process holds while it carries a rollback on."""
    return f"ROLLBACK:{row.pk}"


def carry_on(
    rollback: Rollback,
    *,
    clock: Clock,
    pause: Pause = time.sleep,
    should_stop: Asked = lambda: False,
    on_step: Told = lambda _step: None,
) -> Rollback:
    """Do every step that is not done, in order, and return the rollback as it is then.

    It comes back before the end when another process carries it on, and when `should_stop` says
    so. `on_step` is told of each step as it begins and ends. Raises DatabaseError when the database
    does not answer: called again, it goes on.
    """
    lease = _Lease(rollback, clock)
    if not lease.renew():
        rollback.refresh_from_db()
        return rollback
    try:
        for step in rollback.steps.select_related("rollback").order_by("order"):
            if step.state in (State.DONE, State.FAILED):
                continue
            if not _do(step, lease, clock, pause, should_stop, on_step):
                break
        else:
            finish(rollback, at=clock.now())
    finally:
        lease.release()
    rollback.refresh_from_db()
    return rollback


def _do(
    step: RollbackStep,
    lease: "_Lease",
    clock: Clock,
    pause: Pause,
    should_stop: Asked,
    on_step: Told,
) -> bool:
    """Do one step to its end; return False when somebody else does it, or we are to stop."""
    if not begin(step, at=clock.now()):
        return False
    on_step(step)
    look = LOOKS[step.name]
    while lease.renew():
        seen = _look(look, step, lease, clock, should_stop)
        if isinstance(seen, Done | Failed):
            state = State.DONE if isinstance(seen, Done) else State.FAILED
            if not end(step, state, seen.detail, dict(seen.facts), at=clock.now()):
                return False
            on_step(step)
            return True
        if should_stop():
            return False
        pause(LOOK_S)
    return False


def _look(
    look: Look, step: RollbackStep, lease: "_Lease", clock: Clock, should_stop: Asked
) -> Done | Failed | Waiting:
    if step.attempts > ATTEMPTS_MAX:
        return Failed(f"given up after {ATTEMPTS_MAX} attempts, each of which ended in the middle")
    assert step.started_at is not None
    now = clock.now()
    scene = Scene(
        rollback=step.rollback,
        now=now,
        waited=now - step.started_at,
        clock=clock,
        should_stop=should_stop,
    )
    try:
        with lease.kept():
            seen = look.do(scene)
    except WHAT_STEPS_RAISE as error:
        logger.exception("rollback %s: %s failed", step.rollback_id, step.name)
        return Failed(f"{error}")
    if isinstance(seen, Waiting) and scene.waited >= look.bound:
        seconds = look.bound // timedelta(seconds=1)
        return Failed(f"not within {seconds} s: {seen.detail}", seen.facts)
    return seen


class _Lease:
    """The right to carry one rollback on."""

    def __init__(self, rollback: Rollback, clock: Clock) -> None:
        self._name = lease_name(rollback)
        self._clock = clock
        self._owner = this_process().text

    def renew(self) -> bool:
        """Take or renew it; return whether it is ours."""
        return watches.take(self._name, self._owner, self._clock.now(), LEASE_TTL)

    def release(self) -> None:
        """Give it back."""
        watches.release(self._name, self._owner)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew it from a thread while something takes long; most things end before the first."""
        done = threading.Event()
        keeper = threading.Thread(
            target=self._keep, args=(done,), name="rollback-lease", daemon=True
        )
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _keep(self, done: threading.Event) -> None:
        try:
            while not done.wait(RENEW_S):
                try:
                    self.renew()
                except (DatabaseError, InterfaceError):
                    logger.warning("the lease %s could not be renewed", self._name)
                    connection.close()
        finally:
            connection.close()
