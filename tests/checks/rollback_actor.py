"""Rollbacks in tests: carried on with a clock that moves, and without what takes long."""

from datetime import timedelta
from types import SimpleNamespace

from alerts.models import Channel
from checks.services.rollbacks import carry_on
from tests.conftest import NOON
from trading.models import Order


def finish(row, clock, *, at=None, on_step=lambda step: None, **more):
    """Carry a rollback on; each pause lets the clock move. `at`: what happens at which pause."""
    pauses = [0]

    def pause(seconds):
        pauses[0] += 1
        assert pauses[0] < 5_000, "it never ends"
        clock.advance(timedelta(seconds=seconds * 5))
        if at and pauses[0] in at:
            at[pauses[0]]()

    return carry_on(row, clock=clock, pause=pause, on_step=on_step, **more)


def channel():
    """The channel that is told."""
    made, _ = Channel.objects.get_or_create(
        name="people",
        defaults={
            "kind": "WEBHOOK",
            "level_min": "CRITICAL",
            "secret": "x",
            "shown": "x",
            "created_by": "test",
            "created_at": NOON,
            "changed_at": NOON,
        },
    )
    return made


def no_backup(monkeypatch, **changes):
    """Have a backup that takes no time; return the list of what one was asked for."""
    asked = []
    told = {"name": "20260302_1200", "state": "VERIFIED", "pinned": True, "problem": "", **changes}

    def take(about, **_):
        asked.append(about)
        return SimpleNamespace(**told)

    monkeypatch.setattr("checks.services.rollback_steps.take_incident_backup", take)
    return asked


def order(session, state="RESTING", number=1):
    """A live order of a session."""
    return Order.objects.create(
        order_id=f"{session.key}-s{number}-o0",
        session=session,
        set_id=f"{session.key}-s{number}",
        token_id="1",
        side="BUY",
        purpose="ENTRY",
        limit_micro=480_000,
        size_micro=5_000_000,
        state=state,
        created_at=NOON,
        moved_at=NOON,
    )
