"""The Django app that holds the engine, its facts and its doors."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Trading: markets, profiles, mandate, sessions, facts."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"
