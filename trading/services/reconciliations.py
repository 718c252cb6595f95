"""Keeping what came of a reconciliation, and stopping when it is not a match."""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from trading import kill_file
from trading.models import Incident, Mandate, ReconciliationRun
from trading.reconciling.verdicts import (
    UNKNOWNS,
    WARNINGS,
    Code,
    Difference,
    Reconciliation,
    Verdict,
)
from trading.services.halting import halt
from trading.services.incidents import open_or_extend

logger = logging.getLogger(__name__)

INCOMPLETE_MAX = 3  # in a row while trading, then it halts
BY_NAME = "reconciliation"
DIFFERENCES_KEPT_MAX = 200
SUBJECT_SHOWN_MAX = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was kept, and whether trading was stopped because of it."""

    run: ReconciliationRun
    incident: Incident | None
    halted: bool


def record_reconciliation(
    account: str,
    result: Reconciliation,
    *,
    at: datetime,
    at_start: bool,
    took_ms: int,
    session_key: str = "",
) -> Recorded:
    """Keep a run; on a mismatch open or extend the incident and halt, all in one transaction.

    So does the third run in a row while trading that was not complete: what is not known for
    minutes counts as wrong. DatabaseError passes through, and trading is then halted by the file.
    """
    bad = result.verdict is Verdict.MISMATCH
    try:
        with transaction.atomic():
            run = _keep(account, result, at, at_start, took_ms, session_key)
            bad = bad or _unknown_too_long(run)
            if not bad:
                return Recorded(run=run, incident=None, halted=False)
            return Recorded(run=run, incident=_stop(run, result), halted=True)
    except (DatabaseError, InterfaceError):
        if bad:
            logger.exception("a mismatch of %s could not be kept: halting all the same", account)
            halt(account, by=None, by_name=BY_NAME, code=_code(result), reason=title(result), at=at)
        raise


def title(result: Reconciliation) -> str:
    """Return the result in a sentence: the gravest difference first, and how many more."""
    told = sorted(result.differences, key=_gravity)
    if not told:
        return "ledger, venue and chain agree"
    first, more = told[0], len(told) - 1
    subject = first.subject
    if len(subject) > SUBJECT_SHOWN_MAX and " " not in subject:
        subject = f"{subject[: SUBJECT_SHOWN_MAX - 1]}…"  # a whole hash looks like a secret
    others = f", and {more} more" if more else ""
    block = f" at block {result.block_number}" if result.block_number is not None else ""
    return f"{first.code} of {subject}{block}{others}: {first.text}"


def difference_facts(one: Difference) -> dict[str, Any]:
    """Return a difference as plain JSON data, with its remedy."""
    return {**asdict(one), "code": one.code.value, "remedy": one.remedy}


def _keep(
    account: str,
    result: Reconciliation,
    at: datetime,
    at_start: bool,
    took_ms: int,
    session_key: str,
) -> ReconciliationRun:
    told = sorted(result.differences, key=_gravity)[:DIFFERENCES_KEPT_MAX]
    return ReconciliationRun.objects.create(
        account=account,
        session_key=session_key,
        at=at,
        at_start=at_start,
        verdict=result.verdict.value,
        block_number=result.block_number,
        ledger_sequence=result.ledger_sequence,
        differences=[difference_facts(one) for one in told],
        assets=[asdict(line) for line in result.assets],
        in_flight=list(result.in_flight),
        order_count=result.order_count,
        trade_count=result.trade_count,
        took_ms=took_ms,
    )


def _unknown_too_long(run: ReconciliationRun) -> bool:
    if run.at_start or run.verdict != Verdict.INCOMPLETE:
        return False
    rows = ReconciliationRun.objects.filter(account=run.account, at_start=False)
    newest = list(rows.values_list("verdict", flat=True)[:INCOMPLETE_MAX])
    return newest == [Verdict.INCOMPLETE.value] * INCOMPLETE_MAX


def _stop(run: ReconciliationRun, result: Reconciliation) -> Incident:
    """Open or extend the incident and halt, unless that was done for it already."""
    said = title(result)
    evidence = {
        "run": run.pk,
        "at": run.at.isoformat(),
        "verdict": run.verdict,
        "block_number": run.block_number,
        "differences": run.differences,
    }
    incident, new = open_or_extend(
        run.account, title=said, evidence=evidence, by_name=BY_NAME, at=run.at
    )
    halted = Mandate.objects.filter(account=run.account, halted=True).exists()
    if new or not halted or not kill_file.is_set(settings.KILL_FILE):
        halt(
            run.account,
            by=None,
            by_name=BY_NAME,
            code=_code(result),
            reason=said,
            at=run.at,
        )
    return incident


def _code(result: Reconciliation) -> str:
    mismatch = result.verdict is Verdict.MISMATCH
    return "RECONCILIATION_MISMATCH" if mismatch else "RECONCILIATION_INCOMPLETE"


def _gravity(one: Difference) -> tuple[bool, bool, int]:
    """Return an order in which what is wrong comes before what is unknown and what only lags."""
    return one.code in WARNINGS, one.code in UNKNOWNS, list(Code).index(one.code)
