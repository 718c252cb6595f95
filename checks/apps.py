"""The Django app that judges all others: checks, criteria, promotions, rollbacks."""

from django.apps import AppConfig

from polyarb_site.live import parts


class ChecksConfig(AppConfig):
    """Checks: may we start, and may we go further."""

    name = "checks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the header and the dashboard say how the last go/no-go was and what comes next."""
        parts.register("gates", "checks.selectors.gate_part.gates_part")
