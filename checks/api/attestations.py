"""What people state because no machine can see it."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from checks.api import run_examples as examples
from checks.api.run_shapes import AttestationRow, Attestations, AttestBody, RevokeBody
from checks.selectors.attestations import attestation_dict, attestations, find_attestation
from checks.services.attestations import attest, revoke
from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, person


class AttestationListView(ApiView):
    """GET and POST /api/checks/attestations."""

    rules = {"GET": may("checks.view_attestation"), "POST": may("checks.attest")}

    @endpoint(
        "listAttestations",
        "What people have stated",
        tag="gates",
        example_call=curl("/api/checks/attestations"),
        answer=Attestations,
        example={"items": [examples.ATTESTATION]},
    )
    def get(self, request: Request) -> Response:
        """Each kind of statement with its newest one; `in_force` says whether it counts now."""
        del request
        return Response({"items": attestations(settings.ACCOUNT, self.clock.now())})

    @endpoint(
        "attest",
        "State something",
        tag="gates",
        example_call=curl(
            "/api/checks/attestations",
            body='{"kind": "DEDICATED_WALLET", "note": "made for PolyArb alone", "days": 90}',
        ),
        body=AttestBody,
        answer=AttestationRow,
        example=examples.ATTESTATION,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """State what no machine can see, with your name, for a number of days."""
        values, now = self.body(AttestBody), self.clock.now()
        row = attest(
            settings.ACCOUNT,
            values["kind"],
            note=values["note"],
            days=values.get("days"),
            by=person(request),
            at=now,
        )
        return Response(attestation_dict(row, now))


class RevokeView(ApiView):
    """POST /api/checks/attestations/{number}/revoke."""

    rules = {"POST": may("checks.attest")}

    @endpoint(
        "revokeAttestation",
        "Take a statement back",
        tag="gates",
        example_call=curl(
            "/api/checks/attestations/3/revoke", body='{"reason": "used for a transfer"}'
        ),
        body=RevokeBody,
        answer=AttestationRow,
        example=examples.ATTESTATION,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request, number: int) -> Response:
        """Take back a statement, with every other of its kind that is in force."""
        values, now = self.body(RevokeBody), self.clock.now()
        row = find_attestation(number)
        revoke(row, by=person(request), reason=values["reason"], at=now)
        return Response(attestation_dict(row, now))
