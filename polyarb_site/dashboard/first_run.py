"""The five steps of a first run, each ticked by a fact. What does not exist yet says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from alerts.selectors.channels import first_tested_at
from reports.selectors.backups import first_verified_at
from trading.selectors.pages import first_gap_at, first_harmless_start, mandate_number


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
    started, gap = first_harmless_start(account), first_gap_at(account)
    tested = first_tested_at()
    verified = first_verified_at()
    people = User.objects.filter(is_active=True, is_staff=True).count()
    user = request.user
    steps = [
        FirstStep(
            title="Engine running",
            text="On paper in shadow, or with play money on the local venue.",
            done=started is not None,
            done_at=started,
            button="Start the engine",
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
            done=tested is not None,
            done_at=tested,
            button="Open the channels",
            url=reverse("alerts:channels"),
            disabled="" if user.has_perm("alerts.manage_channel") else "needs the role admin",
        ),
        FirstStep(
            title="First backup verified",
            text="Restored into a scratch database and compared.",
            done=verified is not None,
            done_at=verified,
            button="Back up now",
            url=reverse("admin:reports_backuprun_take"),
            disabled="" if user.has_perm("reports.take_backup") else "needs the role operator",
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
        "leading": started is None,  # once something runs, its state comes first
    }


def _start(user: Any, account: str) -> dict[str, str]:
    """Return where to start, or why this person cannot."""
    number = mandate_number(account)
    if number is None:
        return {"disabled": "there is no account yet: run manage.py seed"}
    if not user.has_perm("trading.start_shadow"):
        return {"disabled": "needs the role operator"}
    return {"url": reverse("admin:trading_mandate_change", args=[number])}
