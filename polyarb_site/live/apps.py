"""The Django app of the outbox that feeds open pages."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """Live updates."""

    name = "polyarb_site.live"
    label = "live"
    default_auto_field = "django.db.models.BigAutoField"
