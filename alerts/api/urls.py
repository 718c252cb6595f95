"""The addresses of the REST door of alerts, below /api/."""

from alerts.api import alerts, rules, telling
from polyarb_site.rest.routing import route

urlpatterns = [
    route("alerts", alerts.AlertListView.as_view(), "api-alerts"),
    route("alerts/state", alerts.StateView.as_view(), "api-alert-state"),
    route("alerts/history", alerts.HistoryView.as_view(), "api-alert-history"),
    route("alerts/history.csv", alerts.HistoryCsvView.as_view(), "api-alert-history-csv"),
    route("alerts/rules", rules.RuleListView.as_view(), "api-alert-rules"),
    # Before the ids of rules.
    route("alerts/rules/dry_run", rules.DryRunView.as_view(), "api-alert-rule-dry-run"),
    route("alerts/rules/<str:rule>", rules.RuleView.as_view(), "api-alert-rule"),
    route("alerts/silences", telling.SilenceListView.as_view(), "api-silences"),
    route("alerts/silences/<int:number>/end", telling.EndSilenceView.as_view(), "api-silence-end"),
    route("alerts/channels", telling.ChannelListView.as_view(), "api-channels"),
    route(
        "alerts/channels/<int:number>/remove",
        telling.RemoveChannelView.as_view(),
        "api-channel-remove",
    ),
    route(
        "alerts/channels/<int:number>/test", telling.TestChannelView.as_view(), "api-channel-test"
    ),
    route("alerts/deliveries", telling.DeliveryListView.as_view(), "api-deliveries"),
    route("alerts/deliveries.csv", telling.DeliveryCsvView.as_view(), "api-deliveries-csv"),
    route("alerts/<int:number>", alerts.AlertView.as_view(), "api-alert"),
    route("alerts/<int:number>/ack", alerts.AckView.as_view(), "api-alert-ack"),
    route("alerts/<int:number>/unack", alerts.UnackView.as_view(), "api-alert-unack"),
    route("alerts/<int:number>/resolve", alerts.ResolveView.as_view(), "api-alert-resolve"),
    route("alerts/<int:number>/comment", alerts.CommentView.as_view(), "api-alert-comment"),
]
