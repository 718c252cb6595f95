"""The Django app that judges what is measured and tells people."""

from django.apps import AppConfig

from polyarb_site.live import parts


class AlertsConfig(AppConfig):
    """Alerts: rules, states, silences, channels, deliveries."""

    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the header of every page count what fires."""
        parts.register("alerts", "alerts.selectors.counts.alert_counts")
