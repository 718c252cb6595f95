"""The five steps of a first run, each ticked by a fact. What does not exist yet says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from trading.selectors.pages import ever_traded_shadow, first_gap_at, mandate_number


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """One step. `later` says with what it comes when there is nothing to tick it by yet."""

    title: str
    text: str
    done_at: datetime | None = None
    done: bool = False
    later: str = ""
    button: str = ""
    url: str = ""
    disabled: str = ""  # why the button cannot be pressed by this person


def first_run(request: HttpRequest, account: str) -> dict[str, Any] | None:
    """Return the steps, or None when all that can be done has been."""
    shadow, gap = ever_traded_shadow(account), first_gap_at(account)
    people = User.objects.filter(is_active=True, is_staff=True).count()
    user = request.user
    steps = [
        FirstStep(
            title="Shadow engine running",
            text="The engine follows the market and trades on paper.",
            done=shadow is not None,
            done_at=shadow,
            button="Start shadow",
            **_start(user, account),
        ),
        FirstStep(
            title="First gap seen",
            text="Best asks of YES and NO that sum to less than $1.00.",
            done=gap is not None,
            done_at=gap,
            button="See the funnel",
            url=reverse("admin:trading_opportunity_changelist"),
        ),
        FirstStep(
            title="Alert channel tested",
            text="A test message arrived where you read at night.",
            later="comes with alerts",
        ),
        FirstStep(
            title="First backup verified",
            text="Restored into a scratch database and compared.",
            later="comes with backups",
        ),
        FirstStep(
            title="Second person invited",
            text="Going live needs somebody else's yes.",
            done=people > 1,
            button="Add a person",
            url=reverse("admin:auth_user_add"),
            disabled="" if user.has_perm("auth.add_user") else "needs the role admin",
        ),
    ]
    possible = [step for step in steps if not step.later]
    if all(step.done for step in possible):
        return None
    return {
        "steps": steps,
        "done": sum(step.done for step in steps),
        "total": len(steps),
        "leading": shadow is None,  # once something runs, its state comes first
    }


def _start(user: Any, account: str) -> dict[str, str]:
    """Return where to start, or why this person cannot."""
    number = mandate_number(account)
    if number is None:
        return {"disabled": "there is no account yet: run manage.py seed"}
    if not user.has_perm("trading.start_shadow"):
        return {"disabled": "needs the role operator"}
    return {"url": reverse("admin:trading_mandate_act", args=[number, "start"])}
