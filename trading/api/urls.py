"""The addresses of the REST door of trading, below /api/."""

from polyarb_site.rest.routing import route
from trading.api import actions, docs, lists, profiles, status

urlpatterns = [
    route("status", status.StatusView.as_view(), "api-status"),
    route("trades", lists.TradeListView.as_view(), "api-trades"),
    route("trades.csv", lists.TradeCsvView.as_view(), "api-trades-csv"),
    route("sets", lists.SetListView.as_view(), "api-sets"),
    route("opportunities", lists.OpportunityListView.as_view(), "api-opportunities"),
    route("events", lists.EventListView.as_view(), "api-events"),
    route("emergency_stop", actions.EmergencyStopView.as_view(), "api-emergency-stop"),
    route("resume", actions.ResumeView.as_view(), "api-resume"),
    route("engine/start_shadow", actions.StartShadowView.as_view(), "api-start-shadow"),
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
