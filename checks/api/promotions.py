"""Promotions: the list, asking, answering, how many have to answer, and starting live."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from checks.api import promotion_examples as examples
from checks.api.filters import PromotionFilters
from checks.api.promotion_shapes import (
    ApproveBody,
    ApproversAnswer,
    ApproversBody,
    PromotionAnswer,
    PromotionRow,
    RejectBody,
    RequestBody,
    StartAnswer,
    StartBody,
    WithdrawBody,
)
from checks.models import Promotion
from checks.selectors.approvers import approvers_dict
from checks.selectors.promotions import ROW_COLUMNS, listed, promotion_dict
from checks.services import promotions
from checks.services.starting import Plan, start_live
from polyarb_site.rest.describe import READ, WRITE, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person
from trading.selectors.promoting import phase_name

READS = may("checks.view_promotion")
FOUND = (*WRITE, 404)
SHA = "b1946ac92492d2347c6235b4d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11"


def plan_answer(plan: Plan) -> dict[str, Any]:
    """Return what was started."""
    return {
        "account": plan.account,
        "phase": plan.phase,
        "phase_name": phase_name(plan.phase),
        "venue": plan.venue,
        "profile": str(plan.profile),
        "promotion": plan.promotion.pk,
        "restart": plan.restart,
        "approvers": list(plan.approvers),
        "limits": [{"name": name, "value": value} for name, value in plan.limits.items()],
        "risks": list(plan.risks),
        "check_run": plan.check_run.pk,
        "backup": plan.backup,
    }


class PromotionListView(KeysetListView):
    """GET and POST /api/promotions."""

    rules = {"GET": READS, "POST": may("checks.request_promotion")}
    queryset = Promotion.objects.all()
    filterset_class = PromotionFilters
    time_field = "requested_at"
    columns = ROW_COLUMNS

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters of the list; asking knows none."""
        return super().known_query_names() if self.request.method != "POST" else ()

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one promotion."""
        return listed(values, self.clock.now())

    @endpoint(
        "listPromotions",
        "List promotions",
        tag="gates",
        example_call=curl("/api/promotions?limit=5"),
        answer=PromotionRow(many=True),
        example=examples.ROW,
    )
    def get(self, request: Request) -> Response:
        """Promotions, newest first, each as what it is now: what has expired is shown so."""
        return super().get(request)

    @endpoint(
        "requestPromotion",
        "Ask for a promotion",
        tag="gates",
        example_call=curl("/api/promotions", body='{"phase": 1, "reason": "eight quiet days"}'),
        body=RequestBody,
        answer=PromotionAnswer,
        example=examples.PROMOTION,
        refusals=FOUND,
    )
    def post(self, request: Request) -> Response:
        """Ask for the next phase, or for the present one with other content.

        It is bound to the newest check run, evaluation and backup, and to the profile, the
        configuration and the software as they are now. A refusal names the first that is missing.
        """
        now, said = self.clock.now(), self.body(RequestBody)
        row = promotions.request_promotion(settings.ACCOUNT, by=person(request), at=now, **said)
        return Response(promotion_dict(row, now))


class PromotionView(ApiView):
    """GET /api/promotions/{number}."""

    rules = {"GET": READS}

    @endpoint(
        "getPromotion",
        "A promotion",
        tag="gates",
        example_call=curl("/api/promotions/3"),
        answer=PromotionAnswer,
        example=examples.PROMOTION,
        refusals=(*READ, 404),
    )
    def get(self, request: Request, number: int) -> Response:
        """What it is bound to, who answered, what would end it, and what is dangerous about it."""
        del request
        return Response(promotion_dict(promotions.find_promotion(number), self.clock.now()))


class ApproveView(ApiView):
    """POST /api/promotions/{number}/approve."""

    rules = {"POST": may("checks.approve_promotion")}

    @endpoint(
        "approvePromotion",
        "Approve a promotion",
        tag="gates",
        example_call=curl(
            "/api/promotions/3/approve",
            body='{"comment": "read it all", "password": "...", "binding_sha256": "' + SHA + '"}',
        ),
        body=ApproveBody,
        answer=PromotionAnswer,
        example=examples.PROMOTION,
        refusals=FOUND,
    )
    def post(self, request: Request, number: int) -> Response:
        """Say yes, with the password of the account, which a token does not replace.

        Nobody approves what they asked for themselves, or twice. `binding_sha256` says what you
        saw: if that is not what is bound now, nothing is approved.
        """
        now, said = self.clock.now(), self.body(ApproveBody)
        row = promotions.approve(
            promotions.find_promotion(number),
            by=person(request),
            comment=said["comment"],
            password=said["password"],
            seen=said["binding_sha256"],
            at=now,
        )
        return Response(promotion_dict(row, now))


class RejectView(ApiView):
    """POST /api/promotions/{number}/reject."""

    rules = {"POST": may("checks.approve_promotion")}

    @endpoint(
        "rejectPromotion",
        "Reject a promotion",
        tag="gates",
        example_call=curl("/api/promotions/3/reject", body='{"comment": "the week was too quiet"}'),
        body=RejectBody,
        answer=PromotionAnswer,
        example=examples.PROMOTION,
        refusals=FOUND,
    )
    def post(self, request: Request, number: int) -> Response:
        """Say no, which ends it."""
        now, said = self.clock.now(), self.body(RejectBody)
        row = promotions.reject(
            promotions.find_promotion(number), by=person(request), comment=said["comment"], at=now
        )
        return Response(promotion_dict(row, now))


class WithdrawView(ApiView):
    """POST /api/promotions/{number}/withdraw."""

    rules = {"POST": may("checks.request_promotion")}

    @endpoint(
        "withdrawPromotion",
        "Take a request back",
        tag="gates",
        example_call=curl("/api/promotions/3/withdraw", body='{"reason": "another day first"}'),
        body=WithdrawBody,
        answer=PromotionAnswer,
        example=examples.PROMOTION,
        refusals=FOUND,
    )
    def post(self, request: Request, number: int) -> Response:
        """Take a request back, also after it was approved."""
        now, said = self.clock.now(), self.body(WithdrawBody)
        row = promotions.withdraw(
            promotions.find_promotion(number), by=person(request), reason=said["reason"], at=now
        )
        return Response(promotion_dict(row, now))


class ApproversView(ApiView):
    """GET and POST /api/approvers."""

    rules = {
        "GET": may("checks.view_approvalsetting"),
        "POST": may("checks.set_approvers"),
    }

    @endpoint(
        "getApprovers",
        "How many have to approve",
        tag="gates",
        example_call=curl("/api/approvers"),
        answer=ApproversAnswer,
        example=examples.APPROVERS,
    )
    def get(self, request: Request) -> Response:
        """How many different people have to approve, who can, and who set it."""
        del request
        return Response(approvers_dict(settings.ACCOUNT))

    @endpoint(
        "setApprovers",
        "Set how many have to approve",
        tag="gates",
        example_call=curl("/api/approvers", body='{"approvers": 1, "reason": "I am alone here"}'),
        body=ApproversBody,
        answer=ApproversAnswer,
        example=examples.APPROVERS,
        refusals=FOUND,
    )
    def post(self, request: Request) -> Response:
        """Set it, from 1 to 5. Fewer than two is shown on every page about promotions."""
        said = self.body(ApproversBody)
        promotions.set_approvers(
            settings.ACCOUNT,
            said["approvers"],
            by=person(request),
            reason=said["reason"],
            at=self.clock.now(),
        )
        return Response(approvers_dict(settings.ACCOUNT))


class StartLiveView(ApiView):
    """POST /api/start_live."""

    rules = {"POST": may("trading.start_live")}

    @endpoint(
        "startLive",
        "Start live",
        tag="gates",
        example_call=curl("/api/start_live", body='{"phase": 1, "reason": "the day has come"}'),
        body=StartBody,
        answer=StartAnswer,
        example=examples.START,
        refusals=FOUND,
    )
    def post(self, request: Request) -> Response:
        """Start the engine live, by the approved promotion or by the grant in force.

        The checks are run and a backup is taken first, which may take a minute or two. There is
        no countdown here, and the audit says so. A refusal leaves everything as it was.
        """
        said = self.body(StartBody)
        _, plan = start_live(
            settings.ACCOUNT,
            by=person(request),
            skip_countdown=True,
            clock=self.clock,
            **said,
        )
        return Response(plan_answer(plan))
