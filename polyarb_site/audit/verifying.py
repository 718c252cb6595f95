"""Walking the whole audit: every record against its hash, and the end against noted heads."""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from polyarb_site.audit.chain import (
    Anchor,
    Broken,
    ChainReport,
    Fault,
    Row,
    hash_row,
    verify_chain,
)
from polyarb_site.audit.models import AuditEvent, ChainCheck
from polyarb_site.clock import Clock

ROWS_AT_ONCE = 2_000
CHECKS_KEPT = timedelta(days=90)
TEXT_LENGTH_MAX = 300


def verify_audit(anchors: Sequence[Anchor] = ()) -> ChainReport:
    """Verify all records that are stored, in one pass and little memory."""
    rows = AuditEvent.objects.order_by("sequence").iterator(chunk_size=ROWS_AT_ONCE)
    return verify_chain(cast("Sequence[Row]", rows), anchors=anchors)


def verify_audit_since(
    check: ChainCheck | None, anchors: Sequence[Anchor] = (), *, rows_max: int
) -> ChainReport | None:
    """Verify what was written since a walk that found the chain whole, from the beginning without.

    The record at which that walk ended has to be the one that it saw. None when there are more than
    `rows_max` to verify: that takes a walk of its own.
    """
    start = check.checked if check is not None else 0
    if AuditEvent.objects.filter(sequence__gt=start)[: rows_max + 1].count() > rows_max:
        return None
    after = AuditEvent.objects.filter(sequence=start).first() if start else None
    if check is not None and start and (after is None or after.sha256 != check.head_sha256):
        text = f"record {start} is not the one that was verified at {check.at:%Y-%m-%d %H:%M} UTC"
        broken = Broken(sequence=start, fault=Fault.EDITED, text=text)
        return ChainReport(checked=0, head_sha256="", broken=broken)
    if after is not None and hash_row(cast("Row", after)) != after.sha256:
        text = f"record {start} does not fit its own hash"
        broken = Broken(sequence=start, fault=Fault.EDITED, text=text)
        return ChainReport(checked=0, head_sha256="", broken=broken)
    rows = AuditEvent.objects.filter(sequence__gt=start).order_by("sequence")
    walked = cast("Sequence[Row]", rows.iterator(chunk_size=ROWS_AT_ONCE))
    return verify_chain(walked, anchors=anchors, after=cast("Row | None", after))


def check_chain(anchors: Sequence[Anchor], *, set_aside: int, clock: Clock) -> ChainCheck:
    """Verify all records and keep what came of it, for the pages that show it."""
    began_ns, now = clock.monotonic_ns(), clock.now()
    report = verify_audit(anchors)
    broken = report.broken
    check = ChainCheck.objects.create(
        at=now,
        whole=broken is None,
        checked=report.checked,
        head_sha256=report.head_sha256,
        broken_sequence=broken.sequence if broken else None,
        fault=broken.fault.value if broken else "",
        text=broken.text[:TEXT_LENGTH_MAX] if broken else "",
        anchors=len(anchors),
        set_aside=set_aside,
        took_ms=(clock.monotonic_ns() - began_ns) // 1_000_000,
    )
    # The last one of a broken chain stays: it is evidence.
    ChainCheck.objects.filter(at__lt=now - CHECKS_KEPT, whole=True).delete()
    return check


def newest_check() -> ChainCheck | None:
    """Return the newest walk, None before the first."""
    return ChainCheck.objects.order_by("-id").first()
