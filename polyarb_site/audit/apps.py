"""The Django app of the audit."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit."""

    name = "polyarb_site.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Start to record logins."""
        from polyarb_site.audit import logins  # noqa: PLC0415 - models are loaded only now

        logins.connect()
