"""Profiles and their revisions: seeing, applying and rolling back; and who changed what."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.audit.masking import MASK, mask
from polyarb_site.audit.models import AuditEvent
from polyarb_site.rest.describe import READ, WRITE, curl, endpoint, query
from polyarb_site.rest.permissions import has_any_role, may
from polyarb_site.rest.views import ApiView, KeysetListView, person
from trading import services
from trading.api import examples, filters, serializers
from trading.api.actions import mandate_answer
from trading.api.profile_values import REVISION_MAX, SaveProfileBody
from trading.models import Profile
from trading.selectors import profiles as selectors
from trading.services.profiles import find_profile

PROFILES_MAX = 200


def revision_answer(profile: Profile, *, applied: Profile | None) -> dict[str, Any]:
    """Return one revision without its values."""
    return {
        "name": profile.name,
        "revision": profile.revision,
        "sha256": profile.sha256,
        "author": profile.author_name,
        "reason": profile.reason,
        "source": profile.source,
        "created_at": profile.created_at,
        "applied": applied is not None and applied.pk == profile.pk,
    }


class ProfileListView(ApiView):
    """GET /api/profiles."""

    rules = {"GET": may("trading.view_profile")}

    @endpoint(
        "listProfiles",
        "List profiles",
        tag="configuration",
        example_call=curl("/api/profiles"),
        answer=serializers.ProfileListAnswer,
        example=examples.PROFILES,
    )
    def get(self, request: Request) -> Response:
        """The newest revision of each profile, and which revision is applied."""
        del request
        applied = selectors.applied_profile(settings.ACCOUNT)
        rows = selectors.newest_revisions(PROFILES_MAX)
        return Response({"items": [revision_answer(row, applied=applied) for row in rows]})


class ProfileView(ApiView):
    """GET and POST /api/profiles/{name}."""

    rules = {"GET": may("trading.view_profile"), "POST": may("trading.save_profile")}
    query_names = ("revision",)

    @endpoint(
        "getProfile",
        "Show a profile",
        tag="configuration",
        example_call=curl("/api/profiles/live_shadow_atomic_v1?revision=1"),
        answer=serializers.ProfileAnswer,
        example=examples.PROFILE,
        refusals=(*READ, 404),
        parameters=[
            query(
                "revision",
                {"type": "integer", "minimum": 1, "maximum": REVISION_MAX},
                "A revision; the newest by default.",
            )
        ],
    )
    def get(self, request: Request, name: str) -> Response:
        """One revision with all its values as text, as the files have them."""
        return Response(_with_values(find_profile(name, _revision(request))))

    @endpoint(
        "saveProfile",
        "Save a revision of a profile",
        tag="configuration",
        example_call=curl(
            "/api/profiles/live_shadow_atomic_v1",
            body='{"values": {"MAX_SLIPPAGE": "0.015"}, "reason": "tighter slippage"}',
        ),
        body=SaveProfileBody,
        answer=serializers.ProfileAnswer,
        example=examples.PROFILE,
        refusals=WRITE,
    )
    def post(self, request: Request, name: str) -> Response:
        """Save the next revision of a profile, or the first of a new name. Nothing is applied.

        What is not named stays as in the newest revision, of a new name as in the base
        configuration. Every bad field is named in one answer.
        """
        values = self.body(SaveProfileBody)
        saved = services.save_profile(
            name,
            values["values"],
            by=person(request),
            reason=values["reason"],
            after_revision=values.get("after_revision"),
            at=self.clock.now(),
        )
        return Response(_with_values(saved))


class ApplyProfileView(ApiView):
    """POST /api/profiles/{name}/apply."""

    rules = {"POST": may("trading.view_profile")}  # a dry run only shows; applying asks for more

    @endpoint(
        "applyProfile",
        "Apply a profile",
        tag="configuration",
        example_call=curl(
            "/api/profiles/live_shadow_atomic_v1/apply",
            body='{"reason": "tighter slippage", "dry_run": true}',
        ),
        body=serializers.ApplyBody,
        answer=serializers.ApplyAnswer,
        example=examples.APPLY,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request, name: str) -> Response:
        """Put a revision in force, or with `dry_run` only show what would change.

        `changes` compares it field by field with what is in force, `risks` names what is dangerous
        about it. A running engine takes it over at once. Send the `mandate_revision` of the dry run
        to be refused when somebody changed something in between.
        """
        values = self.body(serializers.ApplyBody)
        profile = find_profile(name, values.get("revision"))
        preview = selectors.preview_apply(settings.ACCOUNT, profile)
        answer = {
            "applied": False,
            "profile": {
                "name": profile.name,
                "revision": profile.revision,
                "sha256": profile.sha256,
            },
            "changes": [
                {"field": item.field, "unit": item.unit, "before": item.before, "after": item.after}
                for item in preview.changes
            ],
            "risks": [{"code": flag.code, "text": flag.text} for flag in preview.risks],
            "mandate_revision": preview.mandate_revision,
        }
        if not values["dry_run"]:
            mandate = services.apply_profile(
                profile.name,
                profile.revision,
                by=person(request),
                reason=values["reason"],
                account=settings.ACCOUNT,
                seen_mandate_revision=values.get("mandate_revision"),
                at=self.clock.now(),
            )
            answer |= {"applied": True, "mandate_revision": mandate.revision}
        return Response(answer)


class RollbackProfileView(ApiView):
    """POST /api/profiles/rollback."""

    rules = {"POST": has_any_role}  # which one, the service knows

    @endpoint(
        "rollbackProfile",
        "Roll back the profile",
        tag="configuration",
        example_call=curl("/api/profiles/rollback", body='{"reason": "fill rate fell"}'),
        body=serializers.RollbackBody,
        answer=serializers.MandateAnswer,
        example=examples.MANDATE,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Put what was in force before back in force, as a new revision.

        Each further rollback goes one step further back; `name` and `revision` go to that one.
        """
        values = self.body(serializers.RollbackBody)
        if ("name" in values) != ("revision" in values):
            missing = "revision" if "name" in values else "name"
            raise ValidationError({missing: ["Give name and revision together, or neither."]})
        mandate = services.rollback_profile(
            by=person(request),
            reason=values["reason"],
            account=settings.ACCOUNT,
            to=(values["name"], values["revision"]) if "name" in values else None,
            at=self.clock.now(),
        )
        return Response(mandate_answer(mandate))


class ConfigChangeListView(KeysetListView):
    """GET /api/audit/config_changes."""

    rules = {"GET": may("audit.view_auditevent")}
    queryset = AuditEvent.objects.filter(action__in=filters.CONFIG_ACTIONS)
    filterset_class = filters.ConfigChangeFilters
    time_field = "at"
    columns = (
        *("id", "sequence", "at", "actor_name", "action", "target", "reason", "request_id"),
        *("before", "after", "sha256"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one record, masked once more: an older rule may have stored it."""
        del values["id"]
        values["actor"] = values.pop("actor_name")
        for name in ("before", "after"):
            values[name] = _masked(values[name])
        return values

    @endpoint(
        "listConfigChanges",
        "List changes of configuration",
        tag="configuration",
        example_call=curl("/api/audit/config_changes?action=profile.apply"),
        answer=serializers.ConfigChangeRow(many=True),
        example=examples.CONFIG_CHANGE,
    )
    def get(self, request: Request) -> Response:
        """Who imported, saved, applied and rolled back what, and why; secrets are never stored."""
        return super().get(request)


def _with_values(profile: Profile) -> dict[str, Any]:
    """Return one revision with its values, masked: an older rule may have let a secret in."""
    applied = selectors.applied_profile(settings.ACCOUNT)
    values, base = mask(profile.values), mask(profile.base_values)
    return {**revision_answer(profile, applied=applied), "values": values, "base_values": base}


def _revision(request: Request) -> int | None:
    """Return the revision asked for, None for the newest; raises ValidationError."""
    text = request.query_params.get("revision")
    if text is None:
        return None
    known = text.isascii() and text.isdecimal() and len(text) <= 10
    if not known or not 1 <= int(text) <= REVISION_MAX:
        raise ValidationError({"revision": ["A revision is a whole number from 1."]})
    return int(text)


def _masked(value: Any) -> Any:
    try:
        return mask(value)
    except (TypeError, ValueError):
        return MASK  # no record of ours looks like that: it is not shown
