"""The only way to write to the audit: one record, in the transaction of the change it speaks of."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from polyarb_site import request_ids
from polyarb_site.audit.chain import GENESIS, hash_row
from polyarb_site.audit.masking import mask, mask_text, storable
from polyarb_site.audit.models import AuditEvent
from polyarb_site.clock import SystemClock

# Any number that nobody else uses: PostgreSQL knows advisory locks by number.
CHAIN_LOCK = 0x504F4C59_41554449


class AuditOutsideTransactionError(Exception):
    """A record was written outside a transaction. This exception should not be caught.

    If you are hitting this: put the change and record() into one `transaction.atomic()` block, so
    that neither can happen without the other.
    """


def record(
    action: str,
    *,
    actor: User | None,
    actor_name: str = "",
    target: str = "",
    reason: str = "",
    before: object = None,
    after: object = None,
    at: datetime | None = None,
) -> AuditEvent:
    """Append one record and return it. Call it last: it locks the chain until the commit.

    `actor` is None for the machine itself, and then `actor_name` says which part of it. Too long
    texts are cut and secrets are masked before anything is hashed or stored. Raises TypeError for
    a `before` or `after` that is not plain JSON data; write amounts as text, never as float.
    """
    if not connection.in_atomic_block:
        raise AuditOutsideTransactionError(action)
    name = actor_name or (actor.get_username() if actor is not None else "")
    if not name:
        raise ValueError(f"{action}: nobody is named; give actor or actor_name")
    if not action or len(action) > 60:
        raise ValueError(f"{action!r}: an action has 1 to 60 characters")
    _lock_chain()
    last = AuditEvent.objects.order_by("-sequence").only("sequence", "sha256").first()
    event = AuditEvent(
        sequence=last.sequence + 1 if last else 1,
        at=at or SystemClock().now(),
        actor_id=actor.pk if actor is not None else None,
        actor_name=_text(name, 150),
        request_id=request_ids.current.get(),
        action=action,
        target=_text(target, 200),
        reason=_text(reason, 1000),
        before=mask(before),
        after=mask(after),
        previous_sha256=last.sha256 if last else GENESIS,
    )
    event.sha256 = hash_row(event)
    event.append()
    return event


def _lock_chain() -> None:
    """Let one transaction at a time append, so that numbers have no gap and hashes one order.

    On SQLite every transaction of ours starts as a writer (IMMEDIATE), which is the same lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])


def _text(text: str, length_max: int) -> str:
    """Return the text as it may be kept: masked, storable, and cut with a mark when too long."""
    kept = mask_text(storable(text))
    return kept if len(kept) <= length_max else f"{kept[: length_max - 3]}..."


def record_alone(action: str, **fields: Any) -> AuditEvent:
    """Append a record for something that changed no row, such as a refused login."""
    with transaction.atomic():
        return record(action, **fields)
