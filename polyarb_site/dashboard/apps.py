"""The Django app of the dashboard, the header and the halt page."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The pages that belong to no single table."""

    name = "polyarb_site.dashboard"
    label = "dashboard"
