"""Telling the books of deposits and withdrawals. No money is moved here, or by what follows."""

import re
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.masking import looks_secret
from polyarb_site.clock import SystemClock
from trading.engine.units import UnitError, micro_from_text, text_from_micro
from trading.ledger import capital as ledger
from trading.models import CapitalMovement, Mandate, Money, money_of
from trading.services.changes import actor_text, change, hold_mandate, kept
from trading.services.refusals import Invalid, ServiceRefused, require, require_reason

AMOUNT_MICRO_MAX = 10**15  # a billion dollars: more is a slip of the keyboard
WAITING_MAX = 100  # not booked yet; an engine that runs books within a second
REFERENCE_LENGTH_MAX = 60
_REFERENCE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:+-]{{0,{REFERENCE_LENGTH_MAX - 1}}}", re.ASCII)


def amount_of(text: str) -> int:
    """Return the micro dollars in a decimal text with or without a sign, or raise Invalid."""
    plain = text.strip()
    try:
        return micro_from_text(plain[1:] if plain[:1] == "+" and plain[1:2] != "-" else plain)
    except UnitError as error:
        raise Invalid(
            "AMOUNT_INVALID",
            f"the amount cannot be read: {error}",
            "give dollars such as 25, or -12.50 for a withdrawal, with six decimals at most",
        ) from error


def record_capital(
    account: str,
    *,
    amount_micro: int,
    by: User | None,
    reason: str,
    reference: str = "",
    by_name: str = "",
    at: datetime | None = None,
) -> CapitalMovement:
    """Tell the books that money came into the wallet, or with a negative amount that it left.

    The engine books it as capital, which is no profit. The same reference with the same amount is
    the same movement and records nothing; without one each call is a movement. Raises
    ServiceRefused without a reason or the role, for no amount, for an account that is not live, for
    a ledger that is not open, and for a withdrawal of more than the ledger's cash.
    """
    require(by, "trading.record_capital")
    why = kept(require_reason(reason, "recording a movement of capital"), 500)
    _refuse_amount(amount_micro)
    if reference:
        _refuse_reference(reference)
    now = at or SystemClock().now()
    with transaction.atomic():
        mandate = hold_mandate(account)
        known = CapitalMovement.objects.filter(account=account, reference=reference).first()
        if reference and known is not None:
            return _same(known, amount_micro)
        money = _live_money(mandate)
        _refuse_state(account, money, amount_micro)
        # A colon ends the word, so that nobody's own reference is taken for one of these.
        name = reference or f"revision:{mandate.revision}"
        told = {"amount_micro": amount_micro, "money": money.value, "reference": name}
        change(
            mandate,
            {},
            action="capital.record",
            by=by,
            by_name=by_name,
            reason=why,
            at=now,
            more={"capital": told},
        )
        return CapitalMovement.objects.create(
            account=account,
            money=money,
            amount_micro=amount_micro,
            reference=name,
            reason=why,
            by_name=actor_text(by, by_name),
            at=now,
        )


def _refuse_amount(amount_micro: int) -> None:
    if not amount_micro:
        raise Invalid(
            "AMOUNT_ZERO", "no amount was given", "give what came in, or with a minus what left"
        )
    if abs(amount_micro) > AMOUNT_MICRO_MAX:
        raise Invalid(
            "AMOUNT_TOO_LARGE",
            f"the amount is above {text_from_micro(AMOUNT_MICRO_MAX)} dollars",
            "look for a slip in the amount",
        )


def _refuse_reference(reference: str) -> None:
    if reference.startswith("revision:") or not _REFERENCE.fullmatch(reference):
        raise Invalid(
            "REFERENCE_INVALID",
            f"{kept(reference, 80)!r} is no reference",
            f"use up to {REFERENCE_LENGTH_MAX} letters, digits and . _ : + -, such as deposit-7 or "
            "the first characters of the transfer's hash",
        )
    if looks_secret(reference):
        raise Invalid(
            "REFERENCE_LOOKS_SECRET",
            "the reference looks like a key",
            "never type a key here; the first characters of a hash are enough",
        )


def _same(known: CapitalMovement, amount_micro: int) -> CapitalMovement:
    """Return the movement of this reference, or raise ServiceRefused when it is another."""
    if known.amount_micro != amount_micro:
        raise ServiceRefused(
            "REFERENCE_TAKEN",
            f"{known.reference} was recorded already, with {text_from_micro(known.amount_micro)} "
            f"dollars by {known.by_name}",
            "give another reference if it is another movement",
        )
    return known


def _live_money(mandate: Mandate) -> Money:
    if mandate.mode != "LIVE":
        raise ServiceRefused(
            "NOT_LIVE",
            f"{mandate.account} is in mode {mandate.mode}: paper has no wallet that money comes to",
            "nothing has to be recorded before the account trades live",
        )
    return money_of(mandate.mode, mandate.feed)


def _refuse_state(account: str, money: Money, amount_micro: int) -> None:
    if not ledger.is_open(account, money):
        raise ServiceRefused(
            "LEDGER_NOT_OPEN",
            f"the ledger of {account} {money.words} has no opening balance yet",
            "start the engine: it opens the ledger with all that the wallet holds by then",
        )
    if len(ledger.waiting_capital(account, money)) >= WAITING_MAX:
        raise ServiceRefused(
            "TOO_MANY_WAITING",
            f"{WAITING_MAX} movements wait to be booked already",
            "start the engine, which books them",
        )
    cash_micro = ledger.cash_micro(account, money)
    if amount_micro < 0 and -amount_micro > cash_micro:
        raise ServiceRefused(
            "CASH_TOO_LOW",
            f"the ledger has {text_from_micro(cash_micro)} free dollars, and "
            f"{text_from_micro(-amount_micro)} cannot have been withdrawn of them",
            "look for the difference on the page Reconciliation; shares are not capital",
        )
