"""Reading profile revisions: what is in force, what is newest, what applying one would change."""

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from trading.config.keys import KEYS
from trading.config.profiles import FieldChange, RiskFlag, diff, risk_flags
from trading.config.schema import ParsedConfig
from trading.models import Mandate, Profile
from trading.services.refusals import ServiceRefused
from trading.services.revisions import config_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPreview:
    """What a person sees before applying a revision. `mandate_revision` is what it was made for."""

    changes: list[FieldChange]
    risks: list[RiskFlag]
    mandate_revision: int


def applied_profile(account: str) -> Profile | None:
    """Return the revision in force, None when there is none."""
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    return mandate.profile if mandate is not None else None


def newest_revisions(limit: int) -> list[Profile]:
    """Return the newest revision of each profile, by name."""
    of_same_name = Profile.objects.filter(name=OuterRef("name")).order_by("-revision")
    newest = Profile.objects.filter(pk=Subquery(of_same_name.values("pk")[:1]))
    return list(newest.order_by("name")[:limit])


def preview_apply(account: str, profile: Profile) -> ApplyPreview:
    """Return what would change and what is dangerous about it, compared with what is in force.

    Raises ServiceRefused when the revision does not fit this version of the portal.
    """
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    before = _readable(mandate.profile if mandate is not None else None)
    after = config_of(profile)
    return ApplyPreview(
        changes=diff(before, after),
        risks=risk_flags(before, after),
        mandate_revision=mandate.revision if mandate is not None else 0,
    )


def _readable(profile: Profile | None) -> ParsedConfig | None:
    """Return the configuration of a revision; one of another version counts as none."""
    if profile is None:
        return None
    try:
        return config_of(profile)
    except ServiceRefused:
        return None


def key_names() -> frozenset[str]:
    """Return the keys that a profile can have."""
    return frozenset(KEYS)
