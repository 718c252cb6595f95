"""The one way in which a mandate changes: compared, set, audited and told, in one transaction."""

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.masking import mask_text, storable
from polyarb_site.audit.recorder import record
from polyarb_site.live.send import publish
from trading.models import Mandate, Money, Phase, Profile, money_of
from trading.services.refusals import NotFound, ServiceRefused
from trading.shifts import ask_for_shift


def mandate_target(account: str) -> str:
    """Return how the audit names a mandate."""
    return f"mandate:{account}"


def profile_facts(profile: Profile | None) -> dict[str, Any] | None:
    """Return how the audit names a revision."""
    if profile is None:
        return None
    return {"name": profile.name, "revision": profile.revision, "sha256": profile.sha256}


def facts(mandate: Mandate) -> dict[str, Any]:
    """Return everything that a mandate says, as the audit keeps it."""
    return {
        "phase": mandate.phase,
        "promotion": mandate.grant.get("promotion") if isinstance(mandate.grant, dict) else None,
        "mode": mandate.mode,
        "desired": mandate.desired,
        "halted": mandate.halted,
        "halt_code": mandate.halt_code,
        "halt_reason": mandate.halt_reason,
        "halted_by": mandate.halted_by,
        "halted_at": mandate.halted_at.isoformat() if mandate.halted_at else None,
        "profile": profile_facts(mandate.profile),
        "feed": mandate.feed,
        "feed_options": mandate.feed_options,
        "breaker_resets": mandate.breaker_resets,
        "revision": mandate.revision,
    }


def find_mandate(account: str) -> Mandate:
    """Return the mandate of an account, or raise NotFound."""
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    if mandate is None:
        raise NotFound(
            "NO_ACCOUNT", f"there is no account {kept(account, 60)!r}", "run manage.py seed"
        )
    return mandate


def hold_mandate(account: str) -> Mandate:
    """Return the mandate of an account, which nobody else changes before the transaction ends.

    For what is asked for whatever the mandate says by now, so that an engine which halts in the
    same moment refuses nobody. Raises NotFound, and outside of a transaction Django's own error.
    """
    # SQLite has no lock of a row; there each transaction begins as the only one that writes.
    Mandate.objects.select_for_update().filter(account=account).first()
    return find_mandate(account)


def change(
    seen: Mandate,
    values: dict[str, Any],
    *,
    action: str,
    by: User | None,
    by_name: str,
    reason: str,
    at: datetime,
    more: dict[str, Any] | None = None,
) -> Mandate:
    """Give the mandate these values if it still is as it was seen, and return it as it is now.

    Raises ServiceRefused when somebody was faster, and for a start with real money, whoever asks.
    `more` is added to what the audit keeps.
    """
    _refuse_real_money(seen, values)
    with transaction.atomic():
        updated = Mandate.objects.filter(pk=seen.pk, revision=seen.revision).update(
            **values, revision=seen.revision + 1, changed_at=at
        )
        if updated != 1:
            raise changed_meanwhile()
        now = find_mandate(seen.account)
        if values.get("desired") == Mandate.Desired.RUN:
            # At once; whatever becomes of it, each minute somebody looks which engines are missing.
            transaction.on_commit(partial(ask_for_shift, now.account), robust=True)
        publish("state", {"account": now.account, "what": action, "revision": now.revision}, at=at)
        record(
            action,
            actor=by,
            actor_name=by_name,
            target=mandate_target(now.account),
            reason=reason,
            before=facts(seen),
            after={**facts(now), **(more or {})},
            at=at,
        )
    return now


def _refuse_real_money(seen: Mandate, values: dict[str, Any]) -> None:
    """Raise ServiceRefused for what asks the engine to run with real money, unless it comes with a
    grant or has one: what a grant allows, the engine itself compares.
    """
    if not values.keys() & {"desired", "mode", "feed"}:
        return  # what asks for no run, such as a halt, is taken of whatever mandate there is
    mode, feed = values.get("mode", seen.mode), values.get("feed", seen.feed)
    wanted = values.get("desired", seen.desired) == Mandate.Desired.RUN
    granted = values.get("grant", seen.grant) and values.get("phase", seen.phase) != Phase.SHADOW
    if wanted and money_of(mode, feed) is Money.REAL and not granted:
        raise ServiceRefused(
            "LIVE_NEEDS_GATES",
            f"nothing leads to trading live on the feed {feed} but a promotion",
            "ask for the promotion to phase 1, and start with manage.py start_live",
        )


def changed_meanwhile() -> ServiceRefused:
    """Return the refusal for whoever decided on a state that is no longer there."""
    return ServiceRefused(
        "CHANGED_MEANWHILE", "somebody changed this meanwhile", "reload and decide again"
    )


def kept(text: str, length_max: int) -> str:
    """Return a text as a row may keep it: no secrets, storable, and cut with a mark when long."""
    plain = mask_text(storable(text))
    return plain if len(plain) <= length_max else f"{plain[: length_max - 3]}..."


def actor_text(by: User | None, by_name: str) -> str:
    """Return who did it, as text. Raises ValueError when nobody is named."""
    name = by_name or (by.get_username() if by is not None else "")
    if not name:
        raise ValueError("nobody is named; give by or by_name")
    return kept(name, 150)
