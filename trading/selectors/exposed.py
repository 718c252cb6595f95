"""Sets that hold one leg without its counterpart: while there is one, no new one is opened."""

from datetime import datetime
from typing import Any

from trading.engine.codes import SetState
from trading.models import ArbitrageSet, Money, rows_with
from trading.wording import set_text

SHOWN_MAX = 20


def exposed_state(account: str, money: Money | None, now: datetime) -> dict[str, Any]:
    """Return how many sets are exposed, which was so first, what the engine says, what comes next.

    Only those of the money that the account trades with now; None, nothing ran yet, has none.
    """
    rows: list[tuple[int, str, str]] = []
    if money is not None:
        held = ArbitrageSet.objects.filter(
            rows_with(money), session__account=account, state=SetState.EXPOSED
        )
        rows = list(held.order_by("pk").values_list("pk", "set_id", "reason")[:SHOWN_MAX])
    number, set_id, said = rows[0] if rows else (None, None, None)
    words = set_text(SetState.EXPOSED)
    return {
        "sets": len(rows) if money is not None else None,
        "number": number,
        "set_id": set_id,
        "reason": said if rows else ("the engine has not run yet" if money is None else None),
        "remedy": words.remedy if rows else None,
        "as_of": now.isoformat(),
    }
