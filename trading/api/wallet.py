"""The wallet as it was when it was last checked."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.permissions import has_any_role
from polyarb_site.rest.serializers import Answer
from polyarb_site.rest.views import ApiView, person
from trading import services
from trading.api.serializers import OptionalReasonBody
from trading.selectors.wallets import newest_wallet_check
from trading.wallets.check_line import LineStatus
from trading.wallets.messages import Kind

NEVER = "the wallet was never checked: POST /api/wallet/check asks for a check"
EXAMPLE: dict[str, Any] = {
    "account": "main",
    "reason": None,
    "at": "2026-10-01T12:00:00Z",
    "age_s": 312,
    "by": "jobs",
    "kind": "DEPOSIT",
    "funder": "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50",
    "phase": 1,
    "feed": "polymarket",
    "ok": False,
    "lines": [
        {
            "id": "approval:exchange:collateral",
            "title": "Approval of exchange for collateral",
            "seen": "without limit",
            "needed": "$20 when new, $2 at least, never more",
            "why": "The exchange takes the collateral of what is bought.",
            "next_step": "Run manage.py wallet_approve: it shows what it would change and asks "
            "first.",
            "status": "failed",
        }
    ],
}


class LineAnswer(Answer):
    """One line of a check. `next_step` is empty when there is nothing to do."""

    id = serializers.CharField()
    title = serializers.CharField()
    seen = serializers.CharField()
    needed = serializers.CharField()
    why = serializers.CharField()
    next_step = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=list(LineStatus))


class WalletAnswer(Answer):
    """The last check of the wallet. Everything is null, and `reason` says why, before the first."""

    account = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.IntegerField(allow_null=True, help_text="How many seconds ago it was.")
    by = serializers.CharField(allow_null=True, help_text="Who asked for it; jobs: it is regular.")
    kind = serializers.ChoiceField(choices=list(Kind), allow_null=True)
    funder = serializers.CharField(allow_null=True)
    phase = serializers.IntegerField(allow_null=True)
    feed = serializers.CharField(allow_null=True)
    ok = serializers.BooleanField(allow_null=True)
    lines = LineAnswer(many=True)


class WalletView(ApiView):
    """GET /api/wallet."""

    rules = {"GET": has_any_role}

    @endpoint(
        "getWallet",
        "Show the last check of the wallet",
        tag="engine",
        example_call=curl("/api/wallet"),
        answer=WalletAnswer,
        example=EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Signer, funder, RPC endpoints, balances, approvals, account, region and clock.

        What was seen then, not now: `at` and `age_s` say when. A line that is `unknown` is not ok.
        An account that shall trade is checked every 15 minutes; `POST /api/wallet/check` asks for
        a check at once.
        """
        del request
        check = newest_wallet_check(settings.ACCOUNT)
        if check is None:
            empty = dict.fromkeys(("at", "age_s", "by", "kind", "funder", "phase", "feed", "ok"))
            return Response({"account": settings.ACCOUNT, "reason": NEVER, **empty, "lines": []})
        return Response(
            {
                "account": check.account,
                "reason": None,
                "at": check.at,
                "age_s": max(0, (self.clock.now() - check.at) // timedelta(seconds=1)),
                "by": check.by_name,
                "kind": check.kind,
                "funder": check.funder or None,
                "phase": check.phase,
                "feed": check.feed,
                "ok": check.ok,
                "lines": check.lines,
            }
        )


class CheckAsked(Answer):
    """A check was asked for. Its result is at `GET /api/wallet` once `at` there has changed."""

    account = serializers.CharField()
    queued = serializers.BooleanField()


class WalletCheckView(ApiView):
    """POST /api/wallet/check."""

    rules = {"POST": has_any_role}

    @endpoint(
        "checkWallet",
        "Ask for a check of the wallet",
        tag="engine",
        example_call=curl("/api/wallet/check", body='{"reason": "POL was sent"}'),
        body=OptionalReasonBody,
        answer=CheckAsked,
        example={"account": "main", "queued": True},
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Queue a check; a job makes it within seconds. It changes nothing, and is audited."""
        values = self.body(OptionalReasonBody)
        services.ask_for_check(
            settings.ACCOUNT,
            by=person(request),
            reason=values.get("reason", ""),
            at=self.clock.now(),
        )
        return Response({"account": settings.ACCOUNT, "queued": True})
