"""Asking for a promotion, answering it, taking it back, and ending what is no longer true."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from checks.criteria.hashing import canonical_sha256
from checks.models import Approval, ApprovalSetting, Promotion
from checks.selectors.approvers import USUAL, approvers_needed, may_approve_own
from checks.selectors.gates import look, open_promotion
from checks.selectors.validity import LIFE, approvals_valid, ending, needed
from checks.services.promotion_states import State, move, tell
from polyarb_site import one_time_password
from polyarb_site.audit.recorder import record, record_alone
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from polyarb_site.login_throttle import Confirmation, confirm_password
from trading.services.changes import find_mandate, kept
from trading.services.refusals import (
    Invalid,
    NotFound,
    NotPermitted,
    ServiceRefused,
    require,
    require_reason,
)

BY_SWEEP = "gates"
COMMENT_LENGTH_MAX = 1_000
APPROVERS_MIN, APPROVERS_MAX = 1, 5
ID_MAX = 2**63 - 1


def find_promotion(number: int) -> Promotion:
    """Return a promotion by its number, or raise NotFound."""
    rows = Promotion.objects.select_related("profile", "check_run", "evaluation")
    row = rows.filter(pk=number).first() if number <= ID_MAX else None
    if row is None:
        raise NotFound(
            "NO_PROMOTION", "there is no promotion of that number", "GET /api/promotions lists them"
        )
    return row


def request_promotion(
    account: str,
    *,
    phase: int | None = None,
    venue: str | None = None,
    profile: str | None = None,
    by: User | None,
    reason: str,
    at: datetime | None = None,
) -> Promotion:
    """Ask for the next phase, or for the present one with other content.

    `profile` is a name, of which the newest revision is taken; without one it is that of the phase.
    Raises ServiceRefused with the first thing that is in the way; checks.selectors.promotions lists
    all of them.
    """
    person = _person(by, "checks.request_promotion")
    why = kept(require_reason(reason, "a promotion"), 500)
    now = at or SystemClock().now()
    sweep(account, now)
    gate = look(account, phase=phase, venue=venue, profile=profile, now=now)
    for obstacle in gate.obstacles:
        raise obstacle
    binding = gate.binding()
    digest = canonical_sha256(binding)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(
                account=account,
                phase_from=gate.mandate.phase,
                phase=gate.phase,
                venue=gate.venue,
                profile_id=gate.profile_id(),
                check_run_id=binding["check_run"],
                evaluation_id=binding["evaluation"],
                backup=binding["backup"],
                binding=binding,
                binding_sha256=digest,
                reason=why,
                requested_by=person,
                requested_by_name=person.get_username(),
                requested_at=now,
                expires_at=now + LIFE,
                approvers_needed=approvers_needed(account),
            )
            tell(
                promotion,
                "promotion.request",
                by=person,
                reason=why,
                after={
                    "requested_by": person.get_username(),
                    "phase_from": promotion.phase_from,
                    "approvers_needed": promotion.approvers_needed,
                    "binding_sha256": digest,
                    "binding": binding,
                },
                at=now,
            )
    except IntegrityError as error:
        raise ServiceRefused(
            "PROMOTION_OPEN",
            "somebody asked for a promotion at the same moment",
            "reload and look at that one",
        ) from error
    return promotion


def approve(
    promotion: Promotion,
    *,
    by: User | None,
    comment: str,
    password: str = "",
    code: str = "",
    seen: str | None = None,
    at: datetime | None = None,
) -> Promotion:
    """Say yes to what is bound, as a person who proves at this moment who they are.

    `seen` is the hash of the binding that the person was shown, by default that of `promotion` as
    it was read. Nobody approves twice or what they asked for themselves, with one exception: where
    the number of approvers is set to 1, the requester may, if they are the only active person who
    can approve at all. Raises ServiceRefused.
    """
    person = _person(by, "checks.approve_promotion")
    said = _comment(comment)
    now = at or SystemClock().now()
    row = _still_open(promotion, now)
    shown = promotion.binding_sha256 if seen is None else seen
    if not shown == row.binding_sha256 == canonical_sha256(row.binding):
        raise ServiceRefused(
            "SEEN_SOMETHING_ELSE",
            f"promotion {row.pk} is bound to something else than what was shown",
            "reload, look at what is bound now, and decide again",
        )
    if row.state != State.REQUESTED:
        raise ServiceRefused(
            "APPROVED_ALREADY",
            f"promotion {row.pk} has the approvals that it needs",
            "nothing has to be done; start with manage.py start_live",
        )
    _refuse_own(row, person)
    _refuse_again(row, person)
    _prove(person, password=password, code=code)
    with transaction.atomic():
        locked = Promotion.objects.select_for_update().get(pk=row.pk)
        if (locked.state, locked.binding_sha256) != (row.state, row.binding_sha256):
            raise _meanwhile(row)
        _refuse_again(locked, person)
        try:
            with transaction.atomic():
                _answer(locked, person, Approval.Answer.YES, said, "password", now)
        except IntegrityError as error:
            raise _twice(row) from error
        tell(
            locked,
            "promotion.approve",
            by=person,
            reason=said,
            after={"phase": locked.phase, "binding_sha256": locked.binding_sha256},
            at=now,
        )
        if len(approvals_valid(locked)) >= needed(locked):
            names = ", ".join(one.by_name for one in approvals_valid(locked))
            move(locked, State.APPROVED, by=person, reason=f"approved by {names}", at=now)
    return find_promotion(row.pk)


def reject(
    promotion: Promotion, *, by: User | None, comment: str, at: datetime | None = None
) -> Promotion:
    """Say no, which ends it, also after somebody has said yes. Raises ServiceRefused.

    Asks for no password: a no allows nothing.
    """
    person = _person(by, "checks.approve_promotion")
    said = _comment(comment)
    now = at or SystemClock().now()
    row = _still_open(promotion, now)
    with transaction.atomic():
        locked = Promotion.objects.select_for_update().get(pk=row.pk)
        rejected = move(locked, State.REJECTED, by=person, reason=said, at=now)
        if not locked.approvals.filter(by=person).exists():
            _answer(locked, person, Approval.Answer.NO, said, "login", now)
    return rejected


def withdraw(
    promotion: Promotion, *, by: User | None, reason: str, by_name: str = "", at: datetime | None
) -> Promotion:
    """Take a request back, one's own or that of somebody else who may ask too."""
    require(by, "checks.request_promotion")
    why = require_reason(reason, "withdrawing")
    now = at or SystemClock().now()
    row = _still_open(promotion, now)
    return move(row, State.WITHDRAWN, by=by, by_name=by_name, reason=why, at=now)


def sweep(account: str, at: datetime | None = None) -> list[Promotion]:
    """End the open promotion of an account if its time is over or something bound has changed."""
    now = at or SystemClock().now()
    promotion = open_promotion(account)
    end = ending(promotion, now) if promotion is not None else None
    if promotion is None or end is None:
        return []
    return [move(promotion, end.state, by=None, by_name=BY_SWEEP, reason=end.reason, at=now)]


def set_approvers(
    account: str, n: int, *, by: User | None, reason: str, at: datetime | None = None
) -> ApprovalSetting:
    """Set how many different people have to approve, from 1 to 5.

    A promotion that is open keeps what it was asked with, unless more are asked for now.
    """
    person = _person(by, "checks.set_approvers")
    why = kept(require_reason(reason, "setting the number of approvers"), 500)
    if isinstance(n, bool) or not APPROVERS_MIN <= n <= APPROVERS_MAX:
        raise Invalid(
            "APPROVERS_RANGE",
            f"{n} approvers cannot be asked for",
            f"choose {APPROVERS_MIN} to {APPROVERS_MAX}; {USUAL} is usual",
            ("approvers is out of range",),
        )
    find_mandate(account)
    now = at or SystemClock().now()
    with transaction.atomic():
        row, _ = ApprovalSetting.objects.select_for_update().get_or_create(account=account)
        before, name = row.approvers_needed, person.get_username()
        row.approvers_needed, row.changed_at, row.changed_by, row.reason = n, now, name, why
        row.save()
        publish("state", {"account": account, "what": "approvers.set", "needed": n}, at=now)
        record(
            "approvers.set",
            actor=person,
            target=f"approvers:{account}",
            reason=why,
            before={"approvers_needed": before},
            after={"approvers_needed": n, "fewer_than_usual": n < USUAL},
            at=now,
        )
    return row


def _person(by: User | None, permission: str) -> User:
    """Return who asks, as they are in the database now. Raises NotPermitted for a machine."""
    if by is None:
        raise NotPermitted(
            "NOT_A_PERSON",
            "this is for people with an account, and nobody was named",
            "log in, use the token of an account, or give --user NAME",
        )
    now = User.objects.filter(pk=by.pk).first()  # roles and more may have changed since the login
    if now is None:
        raise NotPermitted("NO_ACCOUNT", "this account is no more", "log in again")
    require(now, permission)
    return now


def _comment(comment: str) -> str:
    if not comment.strip():
        raise Invalid(
            "COMMENT_MISSING", "an answer needs a comment", "say in a sentence what you looked at"
        )
    return kept(comment.strip(), COMMENT_LENGTH_MAX)


def _still_open(promotion: Promotion, now: datetime) -> Promotion:
    """Return the promotion as it is now, after ending it if it has ended. Raises ServiceRefused."""
    sweep(promotion.account, now)
    row = find_promotion(promotion.pk)
    if row.state in (State.REQUESTED, State.APPROVED):
        return row
    text = f"promotion {row.pk} is {row.get_state_display().lower()}"
    why = f" ({row.end_reason})" if row.end_reason else ""
    raise ServiceRefused(f"PROMOTION_{row.state}", f"{text}{why}", "ask for it again")


def _refuse_own(row: Promotion, person: User) -> None:
    if person.pk != row.requested_by_id and person.get_username() != row.requested_by_name:
        return
    if needed(row) > 1:
        raise NotPermitted(
            "OWN_REQUEST",
            "nobody approves their own request",
            f"{needed(row)} other people have to approve it",
        )
    if not may_approve_own(person.pk):
        raise NotPermitted(
            "OWN_REQUEST",
            "nobody approves their own request while there is somebody else who can",
            "ask one of the other people who may approve",
        )


def _refuse_again(row: Promotion, person: User) -> None:
    if row.approvals.filter(by=person).exists():
        raise _twice(row)


def _prove(person: User, *, password: str, code: str) -> None:
    """Raise ServiceRefused unless this is the person's password. It is kept nowhere."""
    if code and not password:
        raise Invalid(
            "NO_ONE_TIME_CODES", "this portal has no one-time codes", "give the password instead"
        )
    if one_time_password.is_in_use(person):
        raise NotPermitted(
            "PASSWORD_CHANGE_REQUIRED",
            "this account still has its first password",
            "choose another one at /admin/password_change/",
        )
    answer = confirm_password(person, password)
    if answer is Confirmation.RIGHT:
        return
    record_alone(
        "promotion.password_refused",
        actor=person,
        target=person.get_username(),
        reason=answer.value.lower(),
    )
    if answer is Confirmation.TOO_MANY:
        raise NotPermitted(
            "TOO_MANY_TRIES",
            "too many wrong passwords in a minute",
            "wait a minute, then try again",
        )
    raise NotPermitted("PASSWORD_WRONG", "this is not your password", "type it again")


def _answer(
    row: Promotion, person: User, answer: Approval.Answer, said: str, proof: str, now: datetime
) -> Approval:
    return Approval.objects.create(
        promotion=row,
        by=person,
        by_name=person.get_username(),
        answer=answer,
        comment=said,
        proof=proof,
        binding_sha256=row.binding_sha256,
        at=now,
    )


def _twice(row: Promotion) -> ServiceRefused:
    return ServiceRefused(
        "ANSWERED_ALREADY",
        f"this account has answered promotion {row.pk} already",
        "somebody else has to approve it",
    )


def _meanwhile(row: Promotion) -> ServiceRefused:
    return ServiceRefused(
        "CHANGED_MEANWHILE",
        f"somebody changed promotion {row.pk} meanwhile",
        "reload and decide again",
    )
