"""Where people find the portal, for what is read outside it: messages, files."""

from django.conf import settings


def portal_url() -> str:
    """Return where people find the portal, as well as it knows."""
    origins: list[str] = settings.CSRF_TRUSTED_ORIGINS
    return origins[0] if origins else f"http://{settings.HOST}:{settings.PORT}"
