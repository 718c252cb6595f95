"""The addresses of the REST door of checks, below /api/."""

from checks.api import attestations, drills, phases, promotions, rollbacks, runs
from polyarb_site.rest.routing import route

urlpatterns = [
    route("phases", phases.LadderView.as_view(), "api-phases"),
    route("phases/evaluate", phases.EvaluateView.as_view(), "api-phases-evaluate"),
    route("phases/<int:number>", phases.PhaseView.as_view(), "api-phase"),
    route("checks/runs", runs.RunListView.as_view(), "api-check-runs"),
    route("checks/runs/<int:number>", runs.RunView.as_view(), "api-check-run"),
    route("checks/catalogue", runs.CatalogueView.as_view(), "api-checks"),
    route("checks/attestations", attestations.AttestationListView.as_view(), "api-attestations"),
    route(
        "checks/attestations/<int:number>/revoke",
        attestations.RevokeView.as_view(),
        "api-attestation-revoke",
    ),
    route("promotions", promotions.PromotionListView.as_view(), "api-promotions"),
    route("promotions/<int:number>", promotions.PromotionView.as_view(), "api-promotion"),
    route("promotions/<int:number>/approve", promotions.ApproveView.as_view(), "api-approve"),
    route("promotions/<int:number>/reject", promotions.RejectView.as_view(), "api-reject"),
    route("promotions/<int:number>/withdraw", promotions.WithdrawView.as_view(), "api-withdraw"),
    route("approvers", promotions.ApproversView.as_view(), "api-approvers"),
    route("start_live", promotions.StartLiveView.as_view(), "api-start-live"),
    route("rollback", rollbacks.RollBackView.as_view(), "api-roll-back"),
    route("rollbacks", rollbacks.RollbackListView.as_view(), "api-rollbacks"),
    route("rollbacks/<int:number>", rollbacks.RollbackView.as_view(), "api-rollback"),
    route("drills", drills.DrillListView.as_view(), "api-drills"),
]
