"""What automation may do: halt and resume, start and stop the engine."""

from typing import Any

from django.conf import settings
from django.http import RawPostDataException
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest import authentication
from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.errors import ApiError
from polyarb_site.rest.parsers import BODY_BYTES_MAX, read_object
from polyarb_site.rest.permissions import has_any_role
from polyarb_site.rest.serializers import REASON_LENGTH_MAX
from polyarb_site.rest.views import ApiView, person
from trading import services
from trading.api import examples, serializers
from trading.models import Mandate


def mandate_answer(mandate: Mandate) -> dict[str, Any]:
    """Return what a mandate says, without paths of this machine."""
    profile = mandate.profile
    return {
        "account": mandate.account,
        "phase": mandate.phase,
        "phase_name": mandate.get_phase_display(),
        "mode": mandate.mode,
        "feed": mandate.feed,
        "desired": mandate.desired,
        "halted": mandate.halted,
        "halt_code": mandate.halt_code,
        "halt_reason": mandate.halt_reason,
        "halted_by": mandate.halted_by,
        "halted_at": mandate.halted_at,
        "profile": profile
        and {
            "name": profile.name,
            "revision": profile.revision,
            "sha256": profile.sha256,
        },
        "mandate_revision": mandate.revision,
        "changed_at": mandate.changed_at,
    }


class EmergencyStopView(ApiView):
    """POST /api/emergency_stop."""

    throttle_classes = ()  # halting is never limited, and repeating it is harmless

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return those that know a recent token even while the database is away."""
        token = authentication.TokenAuthentication(also_offline=True)
        return [token, authentication.SessionAuthentication()]

    def check_query(self, request: Request) -> None:
        """Take any query: nothing about a request may keep it from halting."""

    @endpoint(
        "emergencyStop",
        "Halt trading now",
        tag="engine",
        example_call=curl("/api/emergency_stop", body='{"reason": "fills look wrong"}'),
        body=serializers.HaltBody,
        answer=serializers.HaltAnswer,
        example=examples.HALT,
        refusals=(401, 403, 500, 503),
    )
    def post(self, request: Request) -> Response:
        """Halt: no new orders, open ones are cancelled, half-filled sets completed or sold back.

        Any account may, with any role or none, as often as it likes. The kill file is written
        first, then the database. A body that cannot be read halts all the same: `ignored` says
        what was wrong with it.
        """
        reason, ignored = halt_reason(request)
        offline = isinstance(request.user, authentication.OfflineAccount)
        try:
            result = services.halt(
                settings.ACCOUNT,
                by=None if offline else person(request),
                by_name=request.user.get_username(),
                code="API",
                reason=reason,
                at=self.clock.now(),
            )
        except services.HaltFailed as error:
            raise ApiError(
                503,
                "HALT_FAILED",
                "nothing was halted: neither the kill file nor the database can be written",
                remedy="end the engine's processes on the portal's host, then look into its log",
            ) from error
        return Response(
            {
                "halted": True,
                "already_halted": result.already_halted,
                "kill_file_written": result.file_written,
                "recorded": result.recorded,
                "message": result.message,
                "ignored": ignored,
            }
        )


def halt_reason(request: Request) -> tuple[str, str]:
    """Return the reason in the body, and what of the body was ignored. Never raises."""
    try:
        raw = request._request.read(BODY_BYTES_MAX + 1)
    except (OSError, RawPostDataException):  # OSError: also a sender that went away
        raw = None
    if raw is None or len(raw) > BODY_BYTES_MAX:
        return "", "the body was too large or could not be read"
    if not raw.strip():
        return "", ""
    try:
        values = read_object(raw)
    except (ParseError, ApiError):
        return "", 'the body was not a JSON object such as {"reason": "..."}'
    reason = values.pop("reason", "")
    if not isinstance(reason, str):
        return "", "the reason was not text"
    unknown = one_line(", ".join(sorted(values)))[:100]
    ignored = f"unknown keys: {unknown}" if values else ""
    return one_line(reason)[:REASON_LENGTH_MAX].strip(), ignored


def one_line(text: str) -> str:
    """Return the text with spaces for what cannot be shown in a line, or not be sent at all."""
    return "".join(char if char.isprintable() else " " for char in text)


class ResumeView(ApiView):
    """POST /api/resume."""

    rules = {"POST": has_any_role}  # which one, the service knows

    @endpoint(
        "resume",
        "Resume trading",
        tag="engine",
        example_call=curl("/api/resume", body='{"reason": "feed is back, books checked"}'),
        body=serializers.ReasonBody,
        answer=serializers.MandateAnswer,
        example=examples.MANDATE,
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """End a halt: the mandate's and the kill file's. Say what has changed since."""
        mandate = services.resume(
            settings.ACCOUNT,
            by=person(request),
            at=self.clock.now(),
            **self.body(serializers.ReasonBody),
        )
        return Response(mandate_answer(mandate))


class StartShadowView(ApiView):
    """POST /api/engine/start_shadow."""

    rules = {"POST": has_any_role}  # which one, the service knows

    @endpoint(
        "startShadow",
        "Start the engine in shadow",
        tag="engine",
        example_call=curl("/api/engine/start_shadow", body='{"feed": "recorded", "speed": "10"}'),
        body=serializers.StartShadowBody,
        answer=serializers.MandateAnswer,
        example=examples.MANDATE,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Ask for the engine to run on paper with the newest revision of a paper profile."""
        values = self.body(serializers.StartShadowBody)
        names = ("recording", "speed")
        options: dict[str, Any] = {name: values[name] for name in names if name in values}
        mandate = services.start_shadow(
            settings.ACCOUNT,
            profile_name=values["profile"],
            feed=values["feed"],
            feed_options=options,
            by=person(request),
            reason=values.get("reason", ""),
            at=self.clock.now(),
        )
        return Response(mandate_answer(mandate))


class StartSimulatedView(ApiView):
    """POST /api/engine/start_simulated."""

    rules = {"POST": has_any_role}  # which one, the service knows

    @endpoint(
        "startSimulated",
        "Start the engine with play money",
        tag="engine",
        example_call=curl("/api/engine/start_simulated", body='{"reason": "a rehearsal"}'),
        body=serializers.StartSimulatedBody,
        answer=serializers.MandateAnswer,
        example=examples.PLAY_MANDATE,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Ask for the engine to trade live on the local venue, with play money and nothing else."""
        values = self.body(serializers.StartSimulatedBody)
        mandate = services.start_simulated(
            settings.ACCOUNT,
            profile_name=values["profile"],
            by=person(request),
            reason=values.get("reason", ""),
            at=self.clock.now(),
        )
        return Response(mandate_answer(mandate))


class StopEngineView(ApiView):
    """POST /api/engine/stop."""

    rules = {"POST": has_any_role}  # which one, the service knows

    @endpoint(
        "stopEngine",
        "Stop the engine",
        tag="engine",
        example_call=curl("/api/engine/stop", body='{"reason": "maintenance"}'),
        body=serializers.OptionalReasonBody,
        answer=serializers.MandateAnswer,
        example=examples.MANDATE,
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Ask for the engine to end: it finishes or sells back what it holds, then stops."""
        values = self.body(serializers.OptionalReasonBody)
        mandate = services.stop_engine(
            settings.ACCOUNT,
            by=person(request),
            reason=values.get("reason", ""),
            at=self.clock.now(),
        )
        return Response(mandate_answer(mandate))
