"""Verifying the audit against every head that was noted outside its table."""

from polyarb_site.audit.models import ChainCheck
from polyarb_site.audit.verifying import check_chain
from polyarb_site.clock import SystemClock
from reports.selectors.anchors import noted_heads


def verify_audit_chain() -> ChainCheck:
    """Walk the audit, compare it with the noted heads, and keep what came of it."""
    heads = noted_heads()
    return check_chain(
        [one.anchor for one in heads.count],
        set_aside=len(heads.set_aside),
        clock=SystemClock(),
    )
