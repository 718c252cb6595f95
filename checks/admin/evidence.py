"""The evidence of a promotion in words: what it binds, what was judged, what it risks."""

from typing import Any

from django.urls import reverse

from checks.admin.criteria import rows_of
from checks.admin.sources import Item
from checks.models import CheckRun, Evaluation
from checks.selectors.verdicts import past_values, verdicts_of
from trading.selectors.profiles import preview_apply
from trading.services import ServiceRefused
from trading.services.profiles import find_profile

ASKED = ("SUCCESS", "EXIT", "ENTRY")
SHORT = 10  # characters of a hash
PLACES = {
    "profile": "admin:trading_profile_changelist",
    "evaluation": "checks:phases",
    "backup": "admin:reports_backuprun_changelist",
}


def bound_rows(items: list[Item], run: CheckRun | None) -> list[dict[str, Any]]:
    """Return each thing that is bound: a human name, its short hash, and a link to it."""
    found = []
    for one in items:
        url = reverse(PLACES[one["what"]]) if one["what"] in PLACES else ""
        if one["what"] == "check run" and run is not None:
            url = reverse("checks:run", args=[run.pk])
        found.append(
            {
                "label": one["what"].capitalize(),
                "name": one["name"],
                "short": one["sha256"][:SHORT],
                "sha256": one["sha256"],
                "url": url,
            }
        )
    return found


def criteria(evaluation: Evaluation | None) -> dict[str, Any]:
    """Return the verdicts of an evaluation that the next step asks for."""
    if evaluation is None:
        return {"evaluation": None, "groups": [], "asked": 0, "passed": 0}
    verdicts, past = verdicts_of(evaluation, ASKED), past_values(evaluation)
    return {
        "evaluation": evaluation,
        "groups": rows_of(verdicts, past, *ASKED),
        "asked": len(verdicts),
        "passed": sum(one.verdict == "PASS" for one in verdicts),
    }


def profile_change(account: str, name: str, revision: int | None = None) -> dict[str, Any]:
    """Return what a revision changes and risks against what is in force, or why that is unknown.

    Without a number the newest revision is meant.
    """
    try:
        profile = find_profile(name, revision)
        told = preview_apply(account, profile)
    except ServiceRefused as refused:
        return {"changes": [], "risks": [], "problem": refused.message}
    return {
        "changes": told.changes,
        "risks": [{"text": risk.text, "code": risk.code.value} for risk in told.risks],
        "problem": "",
        "after_name": str(profile),
    }
