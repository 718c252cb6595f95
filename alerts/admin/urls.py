"""The addresses of the alert centre, below /admin/alerts/."""

from django.urls import path

from alerts.admin import acts, centre, channels, deliveries, rules, silences

app_name = "alerts"
urlpatterns = [
    path("", centre.centre, name="centre"),
    path("live/", centre.centre_json, name="live"),
    path("charts/", centre.charts_json, name="charts"),
    path("critical/", centre.critical_json, name="critical"),
    path("<int:number>/", acts.alert_page, name="alert"),
    path("<int:number>/live/", acts.alert_json, name="alert_live"),
    path("<int:number>/<slug:name>/", acts.act, name="act"),
    path("rules/", rules.rules_page, name="rules"),
    path("rules/new/", rules.edit_page, name="rule_new"),
    path("rules/<slug:rule_id>/", rules.rule_page, name="rule"),
    path("rules/<slug:rule_id>/edit/", rules.edit_page, name="rule_edit"),
    path("silences/", silences.silences_page, name="silences"),
    path("silences/add/", silences.add, name="silence_add"),
    path("silences/<int:number>/end/", silences.end, name="silence_end"),
    path("channels/", channels.channels_page, name="channels"),
    path("channels/new/", channels.edit_page, name="channel_new"),
    path("channels/<int:number>/", channels.edit_page, name="channel"),
    path("channels/<int:number>/<slug:name>/", channels.act, name="channel_act"),
    path("deliveries/", deliveries.deliveries_page, name="deliveries"),
]
