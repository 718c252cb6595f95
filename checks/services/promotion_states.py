"""The states of a promotion: every allowed move, and the one function that makes one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from checks.models import Promotion
from checks.selectors.validity import target_of
from polyarb_site.audit.recorder import record
from polyarb_site.live.send import publish
from trading.services.changes import kept
from trading.services.refusals import ServiceRefused

State = Promotion.State
ENDINGS = frozenset({State.REJECTED, State.WITHDRAWN, State.VOID, State.EXPIRED})
# Every allowed move and nothing else. What has ended has ended: who still wants it asks again.
ALLOWED_MOVES: Mapping[str, frozenset[Promotion.State]] = {
    State.REQUESTED: ENDINGS | {State.APPROVED},
    State.APPROVED: ENDINGS | {State.CONSUMED},
    State.CONSUMED: frozenset(),
    State.REJECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.VOID: frozenset(),
    State.EXPIRED: frozenset(),
}
ACTIONS = {
    State.APPROVED: "promotion.complete",
    State.CONSUMED: "promotion.consume",
    State.REJECTED: "promotion.reject",
    State.WITHDRAWN: "promotion.withdraw",
    State.VOID: "promotion.void",
    State.EXPIRED: "promotion.expire",
}


def move(
    promotion: Promotion,
    state: Promotion.State,
    *,
    by: User | None,
    by_name: str = "",
    reason: str,
    at: datetime,
    more: Mapping[str, Any] | None = None,
) -> Promotion:
    """Move a promotion if it still is in the state that it was seen in, and return it.

    Raises ServiceRefused for a move that is none, and when somebody was faster. No other code
    writes `state`. `more` is added to what the audit keeps.
    """
    if state not in ALLOWED_MOVES[promotion.state]:
        raise ServiceRefused(
            "PROMOTION_STATE",
            f"promotion {promotion.pk} is {State(promotion.state).label.lower()} and cannot "
            f"become {state.label.lower()}",
            "reload the page; it says what can be done",
        )
    why = kept(reason, 500)
    values: dict[str, Any] = {"state": state}
    if state == State.APPROVED:
        values["approved_at"] = at
    else:
        values |= {"ended_at": at, "end_reason": why}
    with transaction.atomic():
        rows = Promotion.objects.filter(pk=promotion.pk, state=promotion.state)
        if rows.update(**values) != 1:
            raise ServiceRefused(
                "CHANGED_MEANWHILE",
                f"somebody changed promotion {promotion.pk} meanwhile",
                "reload and decide again",
            )
        tell(
            promotion,
            ACTIONS[state],
            by=by,
            by_name=by_name,
            reason=why,
            before={"state": promotion.state},
            after={"state": state.value, "phase": promotion.phase, **(more or {})},
            at=at,
        )
    return Promotion.objects.select_related("profile").get(pk=promotion.pk)


def tell(
    promotion: Promotion,
    action: str,
    *,
    by: User | None,
    by_name: str = "",
    reason: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
    at: datetime,
) -> None:
    """Tell open pages and the audit, in the transaction of the change."""
    told = {"account": promotion.account, "what": action, "promotion": promotion.pk}
    publish("state", told, at=at)
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=target_of(promotion.pk),
        reason=reason,
        before=before,
        after={"account": promotion.account, **after},
        at=at,
    )
