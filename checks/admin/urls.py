"""The addresses of the pages about gates, below /admin/."""

from django.urls import URLPattern, path

from checks.admin import phases, promotions, rollbacks, runs

app_name = "checks"
urlpatterns: list[URLPattern] = [
    path("phases/", phases.phases, name="phases"),
    path("phases/live/", phases.phases_json, name="phases_live"),
    path("phases/evaluate/", phases.evaluate, name="evaluate"),
    path("phases/drill/", phases.drill, name="drill"),
    path("phases/approvers/", phases.approvers, name="approvers"),
    path("phases/roll-back/", phases.roll_back, name="phase_roll_back"),
    path("phases/request/", promotions.request_page, name="request"),
    path("promotions/<int:number>/", promotions.promotion_page, name="promotion"),
    path("promotions/<int:number>/live/", promotions.promotion_json, name="promotion_live"),
    path("promotions/<int:number>/<slug:name>/", promotions.act, name="promotion_act"),
    path("checks/", runs.go_no_go, name="go_no_go"),
    path("checks/live/", runs.go_no_go_json, name="go_no_go_live"),
    path("checks/run/", runs.run_checks, name="run_checks"),
    path("checks/attest/", runs.attest, name="attest"),
    path("checks/attestations/<int:number>/revoke/", runs.revoke, name="revoke"),
    path("checks/<int:number>/", runs.run_page, name="run"),
    path("rollbacks/", rollbacks.rollbacks_page, name="rollbacks"),
    path("rollbacks/new/", rollbacks.roll_back_page, name="roll_back"),
    path("rollbacks/<int:number>/", rollbacks.rollback_page, name="rollback"),
    path("rollbacks/<int:number>/live/", rollbacks.rollback_json, name="rollback_live"),
]
