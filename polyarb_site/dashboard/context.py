"""What every admin page's header shows, read once per page and only by pages that have a header."""

import logging
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from polyarb_site import local_venue, one_time_password
from polyarb_site.clock import SystemClock
from polyarb_site.live.cells import cells, database_down
from trading.selectors import live_state

logger = logging.getLogger(__name__)

NO_ANSWER = "the database does not answer"


def live_header(request: HttpRequest) -> dict[str, Any]:
    """Return the header's cells as `portal`, unread until a template asks for them.

    `portal_as_served` says that the page is not to ask for news.
    """
    if not request.path.startswith("/admin/"):
        return {}
    return {
        "portal": SimpleLazyObject(read_cells),
        "portal_as_served": SimpleLazyObject(lambda: _is_as_served(request)),
    }


def _is_as_served(request: HttpRequest) -> bool:
    """Say whether somebody has to choose a password before being told what happens."""
    user: Any = getattr(request, "user", None)
    try:
        return user is not None and user.is_authenticated and one_time_password.is_in_use(user)
    except DatabaseProblem:
        return False  # the header says so itself


def read_cells() -> dict[str, Any]:
    """Return the cells of our account now; while the database is down, cells that say so."""
    now = SystemClock().now()
    try:
        state = live_state(settings.ACCOUNT, now, with_funnel=False)
        made = cells(state, local_venue.note(state["label"], wait_s=local_venue.FIRST_WAIT_S))
    except DatabaseProblem:
        logger.exception("the header cannot be read")
        made = database_down(NO_ANSWER)
    made["now_ms"] = int(now.timestamp() * 1000)
    return made
