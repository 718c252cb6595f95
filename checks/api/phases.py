"""The phases: the ladder, one rung, and having the criteria judged now."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from checks.api import examples
from checks.api.shapes import EvaluateBody, EvaluationAnswer, LadderAnswer, PhaseAnswer
from checks.selectors.evaluations import evaluation_answer
from checks.selectors.ladder import ladder
from checks.services.evaluations import evaluate
from polyarb_site.rest.describe import READ, WRITE, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, person
from trading.services import NotFound

READS = may("checks.view_evaluation")


class LadderView(ApiView):
    """GET /api/phases."""

    rules = {"GET": READS}

    @endpoint(
        "listPhases",
        "The ladder of phases",
        tag="phases",
        example_call=curl("/api/phases"),
        answer=LadderAnswer,
        example=examples.LADDER,
        refusals=(*READ, 404),
    )
    def get(self, request: Request) -> Response:
        """Where the account is, what its criteria said last, and what the next phase asks for."""
        del request
        return Response(ladder(settings.ACCOUNT, self.clock.now()))


class PhaseView(ApiView):
    """GET /api/phases/{number}."""

    rules = {"GET": READS}

    @endpoint(
        "getPhase",
        "One phase",
        tag="phases",
        example_call=curl("/api/phases/0"),
        answer=PhaseAnswer,
        example=examples.PHASE,
        refusals=(*READ, 404),
    )
    def get(self, request: Request, number: int) -> Response:
        """One rung of the ladder: its goals, and its criteria with what they said last."""
        del request
        rungs = ladder(settings.ACCOUNT, self.clock.now())["phases"]
        found = next((one for one in rungs if one["number"] == number), None)
        if found is None:
            raise NotFound("NO_PHASE", f"there is no phase {number}", "ask for one of 0 to 3")
        return Response(found)


class EvaluateView(ApiView):
    """POST /api/phases/evaluate."""

    rules = {"POST": may("checks.evaluate_criteria")}

    @endpoint(
        "evaluatePhases",
        "Judge the criteria now",
        tag="phases",
        example_call=curl("/api/phases/evaluate", body="{}"),
        body=EvaluateBody,
        answer=EvaluationAnswer,
        example=examples.JUDGEMENT,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Judge all criteria of the present phase from the facts as they are, and keep what they
        said.
        """
        self.body(EvaluateBody)
        evaluation = evaluate(settings.ACCOUNT, by=person(request), at=self.clock.now())
        return Response(evaluation_answer(evaluation, self.clock.now()))
