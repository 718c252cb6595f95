"""A security incident that a person has seen: trading stops, and stays stopped until it is over."""

from datetime import datetime

from django.contrib.auth.models import User

from polyarb_site.clock import SystemClock
from trading.models import Incident
from trading.services.changes import actor_text, find_mandate, kept
from trading.services.halting import halt
from trading.services.incidents import open_incident
from trading.services.refusals import Invalid, require

PERMISSION = "trading.view_incident"
DETAILS_LENGTH_MAX = 2_000
HALT_CODE = "SECURITY_INCIDENT"


def report_security(
    account: str,
    *,
    title: str,
    details: str = "",
    by: User | None,
    by_name: str = "",
    at: datetime | None = None,
) -> Incident:
    """Halt trading and open a security incident, or add to the one that is open.

    Everybody with a role may, as everybody may halt: who sees a leaked key looks for nobody. Raises
    ServiceRefused without a role, without a title, and for an account that there is not.
    """
    require(by, PERMISSION)
    if not title.strip():
        raise Invalid("TITLE_MISSING", "an incident needs a title", "say what is wrong", ("title",))
    find_mandate(account)
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    halt(account, by=by, by_name=by_name, code=HALT_CODE, reason=title.strip(), at=now)
    evidence = {
        "at": now.isoformat(),
        "by": who,
        "details": kept(details.strip(), DETAILS_LENGTH_MAX),
    }
    return open_incident(
        account,
        Incident.Kind.SECURITY,
        title=title,
        evidence=evidence,
        by=by,
        by_name=by_name,
        at=now,
    )
