"""Routing of HTTP and nothing else."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from polyarb_site.health import healthz
from polyarb_site.metrics import MetricsView
from polyarb_site.rest.routing import route

# Not when Django starts: the engine, the jobs and the shell show no page, and these load for long.
admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    # Before the admin's own, which answers for everything below its address.
    path("admin/", include("polyarb_site.dashboard.urls")),
    path("admin/alerts/", include("alerts.admin.urls")),
    path("admin/", include("checks.admin.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("trading.api.urls")),
    path("api/", include("alerts.api.urls")),
    path("api/", include("reports.api.urls")),
    path("api/", include("checks.api.urls")),
    route("metrics", MetricsView.as_view(), "metrics"),
    route("healthz", healthz, "healthz"),
    path("", RedirectView.as_view(url="/admin/"), name="start"),
]

handler400 = "polyarb_site.error_pages.handler400"
handler403 = "polyarb_site.error_pages.handler403"
handler404 = "polyarb_site.error_pages.handler404"
handler500 = "polyarb_site.error_pages.handler500"
