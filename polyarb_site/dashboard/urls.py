"""The addresses of the pages that belong to no table, below /admin/."""

from django.urls import path

from polyarb_site.dashboard import positions, runbook, views

app_name = "dashboard"
urlpatterns = [
    path("halt/", views.halt_page, name="halt"),
    path("resume/", views.resume_page, name="resume"),
    path("positions/", positions.positions_page, name="positions"),
    path("runbook/", runbook.runbook_page, name="runbook"),
    path("documents/<slug:name>/", runbook.document_page, name="document"),
    path("live/state/", views.live_state_json, name="state"),
    path("live/rows/", views.live_rows_json, name="rows"),
    path("live/curve/", views.curve_json, name="curve"),
]
