"""Writing to and reading from the audit in tests."""

from typing import Any

from tests.conftest import NOON

# Invented. It looks like a wallet's key, and must come out nowhere.
KEY = "0x8f2a55949038a9610f50fb23b5883af3b4ecb3c3bb792cbcefbd1542c692be63"


def note(action="test.done", **fields) -> Any:
    """Write a record of nothing in particular."""
    from polyarb_site.audit.recorder import record

    return record(action, **{"actor": None, "actor_name": "test", "at": NOON, **fields})


def chain() -> Any:
    """Verify all records that are stored."""
    from polyarb_site.audit.chain import verify_chain
    from polyarb_site.audit.models import AuditEvent

    return verify_chain(AuditEvent.objects.order_by("sequence"))


def only_event() -> Any:
    """Return the one record that there is."""
    from polyarb_site.audit.models import AuditEvent

    return AuditEvent.objects.get()


def last_event() -> Any:
    """Return the newest record."""
    from polyarb_site.audit.models import AuditEvent

    return AuditEvent.objects.order_by("sequence").last()
