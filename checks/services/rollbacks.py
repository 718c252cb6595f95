"""Going down: trading stops first, then each step is written down before it is done.

Theory of operation. `roll_back` halts, whatever else works, and writes the rollback with its steps
in one transaction. `carry_on` does the steps one after the other. It may be killed anywhere and
called again, also by another process: a step looks at what is there before it does anything, and
is moved by compare-and-set, so that nothing is done twice. A step that failed, or did not come to
its end in its time, does not stop the later ones. Going down is never refused but to who lacks the
role, and for a phase that is not below.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction

from checks.models import CriterionVerdict, Rollback, RollbackStep
from checks.selectors.rollbacks import STEPS, STEPS_OF_PHASE_0, running, verdict_facts
from checks.services.carrying import carry_on
from checks.services.rollback_moves import tell
from polyarb_site.clock import SystemClock
from trading.selectors.phases import Mandate
from trading.services import Invalid, NotFound, halt
from trading.services.changes import actor_text, facts, find_mandate, kept
from trading.services.refusals import require, require_reason

__all__ = ["RollbackNotKept", "carry_on", "find_rollback", "roll_back"]
logger = logging.getLogger(__name__)

LOWER_PHASES = range(3)  # that one can go down to
PERMISSION = "checks.roll_back"
HALT_CODE = "ROLLBACK"
ID_MAX = 2**63 - 1


class RollbackNotKept(Exception):  # noqa: N818 - said to a person
    """Trading is halted on this machine; the rest could not be written down, and was not begun."""


def find_rollback(number: int) -> Rollback:
    """Return a rollback by its number, or raise NotFound."""
    row = Rollback.objects.filter(pk=number).first() if 0 < number <= ID_MAX else None
    if row is None:
        raise NotFound(
            "NO_ROLLBACK", "there is no rollback of that number", "GET /api/rollbacks lists them"
        )
    return row


def roll_back(
    account: str,
    *,
    to: int | None = None,
    by: User | None = None,
    by_name: str = "",
    reason: str,
    cause: str = Rollback.Cause.PERSON,
    verdicts: Sequence[CriterionVerdict] = (),
    at: datetime | None = None,
) -> Rollback:
    """Halt trading now, and write down the way to a lower phase, by default the one before.

    In phase 0 trading stops and an incident is opened; the phase stays. While a rollback is under
    way that one is returned. Whoever calls `carry_on` does the rest, and so does the watch of the
    kill criteria. Raises Invalid without a reason or for a phase that is not lower, HaltFailed when
    nothing could be halted, and RollbackNotKept when the halt stands and the database does not
    answer.
    """
    require(by, PERMISSION)
    why = require_reason(reason, "rolling back")
    if to is not None and to not in LOWER_PHASES:
        raise Invalid(
            "NO_SUCH_PHASE", f"there is no phase {to} to go down to", "choose 0, 1 or 2, or none"
        )
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    under_way = _look_first(account, to)
    if under_way is not None:
        return under_way
    halt(account, by=by, by_name=by_name, code=HALT_CODE, reason=why, at=now)
    try:
        with transaction.atomic():
            begun = _Begun(to=to, by=by, who=who, why=kept(why, 500), cause=cause, at=now)
            return _create(account, begun, verdicts)
    except IntegrityError:
        found = running(account)  # another process was faster
        if found is None:
            raise
        return found
    except (DatabaseError, InterfaceError) as error:
        raise RollbackNotKept(
            "trading is halted, but the rollback could not be written down: the database does not "
            f"answer ({error}); roll back again as soon as it does"
        ) from error


def _look_first(account: str, to: int | None) -> Rollback | None:
    """Return the rollback that is under way, and refuse what cannot be meant.

    A database that does not answer keeps nobody from halting.
    """
    try:
        mandate = find_mandate(account)
        if to is not None and mandate.phase > 0 and not 0 <= to < mandate.phase:
            raise Invalid(
                "NOT_DOWN",
                f"phase {to} is not below the present phase {mandate.phase}",
                "choose a lower phase, or halt, which is always possible",
            )
        return running(account)
    except (DatabaseError, InterfaceError):
        logger.exception("rolling back %s without having looked", account)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    to: int | None
    by: User | None
    who: str
    why: str
    cause: str
    at: datetime


def _create(account: str, begun: _Begun, verdicts: Sequence[CriterionVerdict]) -> Rollback:
    mandate = find_mandate(account)
    target = max(0, mandate.phase - 1) if begun.to is None else min(begun.to, mandate.phase)
    row = Rollback.objects.create(
        account=account,
        phase_from=mandate.phase,
        phase_to=target,
        venue=mandate.feed,
        cause=begun.cause,
        reason=begun.why,
        evidence=_evidence(mandate, verdicts),
        started_at=begun.at,
        by=begun.by,
        by_name=begun.who,
    )
    row.verdicts.set(verdicts)
    names = STEPS if mandate.phase > 0 else STEPS_OF_PHASE_0
    RollbackStep.objects.bulk_create(
        [RollbackStep(rollback=row, order=order, name=name) for order, name in enumerate(names, 1)]
    )
    tell(row, "rollback.start", by=begun.by, by_name=begun.who, reason=begun.why, at=begun.at)
    return row


def _evidence(mandate: Mandate, verdicts: Sequence[CriterionVerdict]) -> dict[str, Any]:
    return {
        "mandate": facts(mandate),
        "phase_since": mandate.phase_since.isoformat() if mandate.phase_since else None,
        "verdicts": [verdict_facts(verdict) for verdict in verdicts],
    }
