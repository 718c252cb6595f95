"""The ladder as the page shows it: where we are, since when, what is missing, what ends it."""

from datetime import datetime, timedelta
from typing import Any

from checks.admin.criteria import asked_groups, evaluation_line, rows_of
from checks.admin.sources import Ladder, Rung
from checks.models import ApprovalSetting, Evaluation, Promotion
from checks.selectors.gate_part import OPEN_STATES
from checks.selectors.verdicts import newest_evaluation, newest_kill, past_values, verdicts_of
from polyarb_site import formats
from trading.selectors.phases import Mandate, Money, Phase, money_of
from trading.services.live import PHASE_PROFILES

MONEY_WORDS = {
    Money.REAL: ("real money", "payments", "bad"),
    Money.PLAY: ("play money", "toys", "warn"),
    Money.PAPER: ("paper", "description", "quiet"),
}
STALE = timedelta(minutes=30)  # an evaluation is made each few minutes
STATES = {
    "past": ("behind us", "check"),
    "present": ("we are here", "location_on"),
    "next": ("next", "arrow_upward"),
    "later": ("later", "more_horiz"),
}


def mandate_of(account: str) -> Mandate | None:
    """Return the mandate with its profile, None when there is no such account."""
    return Mandate.objects.select_related("profile").filter(account=account).first()


def open_promotion(account: str) -> Promotion | None:
    """Return the promotion that is asked for or approved now, if there is one."""
    return Promotion.objects.filter(account=account, state__in=OPEN_STATES).first()


def approvers_needed(account: str) -> ApprovalSetting:
    """Return how many approvals an account needs; two where nobody has set it."""
    row = ApprovalSetting.objects.filter(account=account).first()
    return row if row is not None else ApprovalSetting(account=account)


def rungs(
    account: str, told: Ladder, mandate: Mandate | None, now: datetime
) -> list[dict[str, Any]]:
    """Return the rungs, highest first: a ladder is climbed upwards."""
    phase = mandate.phase if mandate is not None else Phase.SHADOW
    shown = [_rung(account, one, phase, mandate, now) for one in told["rungs"]]
    return sorted(shown, key=lambda one: -int(one["number"]))


def headline(told: Ladder, evaluation: Evaluation | None, mandate: Mandate | None) -> str:
    """Return the one sentence above the ladder."""
    if mandate is None:
        return "No account is set up yet: run manage.py seed."
    if told["sentence"]:
        return told["sentence"]
    if evaluation is None:
        return "No criterion was judged yet: press Evaluate now."
    asked = verdicts_of(evaluation, ("SUCCESS", "EXIT", "ENTRY"))
    missing = sum(one.verdict != "PASS" for one in asked)
    following = Phase(mandate.phase + 1).label if mandate.phase < Phase.SCALED_LIVE else ""
    if not following:
        return f"This is the last phase: {missing} of {len(asked)} criteria are not met."
    if missing:
        return f"To ask for {following}: {missing} of {len(asked)} criteria missing."
    return f"Every criterion is met: {following} can be asked for."


def _rung(
    account: str, one: Rung, phase: int, mandate: Mandate | None, now: datetime
) -> dict[str, Any]:
    number = one["number"]
    state = _state(number, phase)
    label, icon = STATES[state]
    shown: dict[str, Any] = {
        "number": number,
        "name": one["name"],
        "goals": one["goals"],
        "state": state,
        "state_label": label,
        "icon": icon,
        "planned": one["planned"],
        "profile": PHASE_PROFILES.get(number, ""),
        "asked": asked_groups(one["criteria"]),
    }
    if state == "past":
        evaluation = newest_evaluation(account, number)
        if evaluation is not None:
            shown |= _judged(evaluation)
    if state == "present" and mandate is not None:
        shown |= _present(account, one, mandate, now)
    return shown


def _present(account: str, one: Rung, mandate: Mandate, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "since": mandate.phase_since,
        "bar": _bar(one, mandate.phase_since, now),
    }
    evaluation = newest_evaluation(account, one["number"])
    if evaluation is not None:
        shown |= _judged(evaluation)
        shown["stale"] = now - evaluation.at > STALE
    kill = newest_kill(account, one["number"])
    if kill is not None:
        past = past_values(kill)
        shown["kill"] = rows_of(verdicts_of(kill, ("KILL",)), past, "KILL")
        shown["kill_at"] = kill.at
    return shown


def _judged(evaluation: Evaluation) -> dict[str, Any]:
    """Return the verdicts of an evaluation; kill criteria apart, since others judge them too."""
    kinds = ("SUCCESS", "EXIT", "ENTRY")
    verdicts, past = verdicts_of(evaluation, kinds), past_values(evaluation)
    return {"evaluation": evaluation_line(evaluation), "groups": rows_of(verdicts, past, *kinds)}


def _state(number: int, phase: int) -> str:
    if number < phase:
        return "past"
    if number == phase:
        return "present"
    return "next" if number == phase + 1 else "later"


def _bar(one: Rung, since: datetime | None, now: datetime) -> dict[str, Any] | None:
    """Return how much of the planned time has gone, and where its shortest end stands."""
    days_max = one["days_max"] or one["days_min"]
    if since is None or not days_max:
        return None
    whole = timedelta(days=days_max)
    gone = max(timedelta(0), now - since)
    permille = min(1000, int(gone * 1000 / whole))
    days_min = one["days_min"] or days_max
    day = gone // timedelta(days=1) + 1
    if day > days_max:
        said = f"day {day}, longer than planned"
    else:
        said = f"day {day} of {days_min} to {days_max}"
    return {
        "width": f"{permille // 10}.{permille % 10}",
        "mark": 100 * days_min // days_max,
        "permille": permille,
        "said": said,
    }


def money_chip(mandate: Mandate | None) -> dict[str, str]:
    """Return which kind of money the account trades with now."""
    kind = money_of(mandate.mode, mandate.feed) if mandate is not None else Money.PAPER
    text, icon, tone = MONEY_WORDS[kind]
    return {"text": text, "icon": icon, "tone": tone}


def ends_in(promotion: Promotion, now: datetime) -> str:
    """Return how long a request is still good for."""
    if promotion.expires_at <= now:
        return "its time is over"
    return f"in {formats.age(formats.ms_between(now, promotion.expires_at))}"
