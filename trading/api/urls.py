"""The addresses of the REST door of trading, below /api/."""

from polyarb_site.rest.routing import route
from trading.api import (
    actions,
    capital,
    docs,
    ledger,
    lists,
    profiles,
    reconciliations,
    replays,
    status,
    wallet,
)

urlpatterns = [
    route("status", status.StatusView.as_view(), "api-status"),
    route("wallet", wallet.WalletView.as_view(), "api-wallet"),
    route("capital", capital.CapitalView.as_view(), "api-capital"),
    route("wallet/check", wallet.WalletCheckView.as_view(), "api-wallet-check"),
    route("trades", lists.TradeListView.as_view(), "api-trades"),
    route("trades.csv", lists.TradeCsvView.as_view(), "api-trades-csv"),
    route("ledger", ledger.LedgerListView.as_view(), "api-ledger"),
    route("ledger.csv", ledger.LedgerCsvView.as_view(), "api-ledger-csv"),
    route("accounting", ledger.AccountingView.as_view(), "api-accounting"),
    route("sets", lists.SetListView.as_view(), "api-sets"),
    route("opportunities", lists.OpportunityListView.as_view(), "api-opportunities"),
    route("events", lists.EventListView.as_view(), "api-events"),
    route(
        "reconciliations", reconciliations.ReconciliationListView.as_view(), "api-reconciliations"
    ),
    route("replays", replays.ReplayListView.as_view(), "api-replays"),
    route("incidents", reconciliations.IncidentListView.as_view(), "api-incidents"),
    route(
        "incidents/<int:number>/resolve",
        reconciliations.ResolveIncidentView.as_view(),
        "api-incident-resolve",
    ),
    route("emergency_stop", actions.EmergencyStopView.as_view(), "api-emergency-stop"),
    route("resume", actions.ResumeView.as_view(), "api-resume"),
    route("engine/start_shadow", actions.StartShadowView.as_view(), "api-start-shadow"),
    route("engine/start_simulated", actions.StartSimulatedView.as_view(), "api-start-simulated"),
    route("engine/stop", actions.StopEngineView.as_view(), "api-stop-engine"),
    route("profiles", profiles.ProfileListView.as_view(), "api-profiles"),
    # Before the names of profiles, or a profile called "rollback" would answer for it.
    route("profiles/rollback", profiles.RollbackProfileView.as_view(), "api-profile-rollback"),
    route("profiles/<str:name>", profiles.ProfileView.as_view(), "api-profile"),
    route("profiles/<str:name>/apply", profiles.ApplyProfileView.as_view(), "api-profile-apply"),
    route("audit/config_changes", profiles.ConfigChangeListView.as_view(), "api-config-changes"),
    route("schema", docs.SchemaView.as_view(), "api-schema"),
    route("docs", docs.DocsView.as_view(), "api-docs"),
    route("docs/start.js", docs.DocsScriptView.as_view(), "api-docs-script"),
]
