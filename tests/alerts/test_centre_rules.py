"""Rules in the alert centre: the list, the editor with its dry run, and charts of their metrics."""

import re

import pytest

from alerts.models import Alert, RuleRevision
from alerts.services import import_rules
from tests.alerts.pages import CENTRE, errors, form_of, text
from tests.browser.alerting import fire, samples
from tests.browser.world import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured(profile, watched, now):
    """An engine with an hour of recorded samples, slow and poor at its end."""
    session = make_world(now, profile)
    samples(session, now)
    return session


class TestRules:
    edit = f"{CENTRE}rules/LATENCY_P95_HIGH/edit/"

    def test_the_list_says_what_each_does_and_how_it_is_now(self, acting, watched, now):
        fire("LOW_BALANCE", now)

        page = text(acting.get(f"{CENTRE}rules/"))

        assert page.index("WS_DISCONNECTED") < page.index("LATENCY_P95_HIGH")
        assert "ws_connected == false" in page
        assert "all through 10.0 s" in page or "all through 10 s" in page
        assert "stops trading, tells people" in page
        assert "firing" in page

    def test_an_empty_list_teaches_how_rules_come(self, acting):
        assert "No rules yet, so nothing is watched." in text(acting.get(f"{CENTRE}rules/"))

    def test_a_rule_that_is_not_there_is_not_found(self, acting, watched):
        assert acting.get(f"{CENTRE}rules/NO_SUCH/").status_code == 404
        assert acting.get(f"{CENTRE}rules/NO_SUCH/edit/").status_code == 404

    def test_the_form_sent_as_it_was_shown_changes_nothing(self, ruling, watched):
        for row in RuleRevision.objects.all():
            url = f"{CENTRE}rules/{row.rule_id}/edit/"

            answer = ruling.post(url, {**form_of(ruling, url), "reason": "no reason"})

            assert answer.status_code == 400, row.rule_id
            assert "already" in text(answer), (row.rule_id, errors(answer))

    def test_a_change_is_a_revision_with_who_why_and_a_diff(self, ruling, watched):
        sent = {**form_of(ruling, self.edit), "value": "750", "reason": "the new host is slower"}

        answer = ruling.post(self.edit, sent)

        assert answer.status_code == 302
        row = RuleRevision.objects.filter(rule_id="LATENCY_P95_HIGH").latest("revision")
        assert (row.revision, row.author_name) == (2, "adam")
        assert row.values["query"]["value"] == "750"
        page = text(ruling.get(f"{CENTRE}rules/LATENCY_P95_HIGH/"))
        assert "the new host is slower" in page
        assert '<td class="pa-before">500</td><td class="pa-after">750</td>' in page

    def test_each_mistake_is_said_at_its_field(self, ruling, watched):
        wrong = {
            "value": "fast", "window_seconds": "soon", "missing_seconds": "1",
            "inhibits": "NO_SUCH",
            "phases": [], "value_2": "x", "cooldown_seconds": "-1", "reason": "try",
        }  # fmt: skip

        answer = ruling.post(self.edit, {**form_of(ruling, self.edit), **wrong})

        assert answer.status_code == 400
        assert set(errors(answer)) >= {
            "value", "window_seconds", "missing_seconds", "inhibits", "phases", "value_2",
            "cooldown_seconds",
        }  # fmt: skip
        assert 'value="fast"' in text(answer)
        assert RuleRevision.objects.filter(rule_id="LATENCY_P95_HIGH").count() == 1

    def test_without_a_reason_it_says_so_at_the_reason(self, ruling, watched):
        answer = ruling.post(self.edit, {**form_of(ruling, self.edit), "value": "750"})

        assert set(errors(answer)) == {"reason"}

    def test_nobody_renames_a_rule(self, ruling, watched):
        sent = {**form_of(ruling, self.edit), "id": "WS_DISCONNECTED", "value": "9", "reason": "x"}

        ruling.post(self.edit, sent)

        assert RuleRevision.objects.filter(rule_id="WS_DISCONNECTED").count() == 1
        assert RuleRevision.objects.filter(rule_id="LATENCY_P95_HIGH").count() == 2

    def test_a_new_rule(self, ruling, watched):
        url = f"{CENTRE}rules/new/"
        sent = {**form_of(ruling, url), "id": "RICH", "metric": "wallet_balance_usd",
                "value": "1000.50", "reason": "to celebrate"}  # fmt: skip

        assert ruling.post(url, sent).status_code == 302
        assert RuleRevision.objects.get(rule_id="RICH").values["query"]["value"] == "1000.5"

    def test_an_operator_may_try_and_not_save(self, acting, measured):
        sent = {**form_of(acting, self.edit), "value": "750", "reason": "let me"}

        assert acting.post(self.edit, sent).status_code == 403
        assert acting.post(self.edit, {**sent, "dry": "1"}).status_code == 200
        assert RuleRevision.objects.filter(rule_id="LATENCY_P95_HIGH").count() == 1

    def test_a_dry_run_says_how_often_and_marks_where(self, acting, measured):
        sent = {**form_of(acting, self.edit), "value": "400", "window_seconds": "60", "dry": "1"}

        page = text(acting.post(self.edit, sent))

        assert "Over the last 24 h of recorded samples this rule would have fired 1 time." in page
        assert re.search(r'"marks": \[\{"from": [\d.]+, "to": [\d.]+\}\]', page)
        assert not Alert.objects.exists()

    def test_a_dry_run_of_what_is_never_bad_fires_never(self, acting, measured):
        sent = {**form_of(acting, self.edit), "value": "99999", "dry": "1"}

        assert "would have fired 0 times." in text(acting.post(self.edit, sent))

    def test_a_dry_run_without_samples_says_that_and_no_zero(self, acting, watched):
        page = text(acting.post(self.edit, {**form_of(acting, self.edit), "dry": "1"}))

        assert "Nothing can be said: nothing was recorded in this time" in page
        assert "0 times" not in page

    def test_a_broken_revision_is_said(self, acting, watched, now):
        RuleRevision.objects.create(
            rule_id="OLD", revision=1, values={"id": "OLD"}, sha256="x", author_name="x",
            reason="x", created_at=now,
        )  # fmt: skip

        assert "OLD cannot be read by this version" in text(acting.get(f"{CENTRE}rules/"))
        assert "cannot be read by this version" in text(acting.get(f"{CENTRE}rules/OLD/"))


class TestCharts:
    def charts(self, client, *names):
        query = "&".join(f"rule={name}" for name in names)
        return client.get(f"{CENTRE}charts/?{query}").json()["charts"]

    def test_numbers_words_and_the_bound(self, acting, measured):
        told = self.charts(acting, "LATENCY_P95_HIGH", "WS_DISCONNECTED", "NO_SUCH")

        assert set(told) == {"LATENCY_P95_HIGH", "WS_DISCONNECTED"}
        slow, lost = told["LATENCY_P95_HIGH"], told["WS_DISCONNECTED"]
        assert slow["bound"] == 500_000_000
        assert max(point[1] for point in slow["points"] if point[1] is not None) > 500_000_000
        assert slow["sentence"].startswith("bad in ")
        assert (lost["words"], lost["equal"], lost["bound"]) == (["false", "true"], True, 0)
        assert {point[1] for point in lost["points"]} >= {0, 1_000_000}, "the short loss is seen"

    def test_counters_are_drawn_as_what_the_rule_looks_at(self, acting, measured):
        told = self.charts(acting, "HIGH_REJECT_RATE", "TRADE_EXECUTED")

        rates = {point[1] for point in told["HIGH_REJECT_RATE"]["points"]} - {None}
        assert rates
        assert max(rates) < 1_000_000
        rises = {point[1] for point in told["TRADE_EXECUTED"]["points"]} - {None}
        assert rises <= {0, 1_000_000, 2_000_000}

    def test_what_is_not_recorded_says_why_there_is_no_chart(self, acting, watched):
        told = self.charts(acting, "BACKUP_OVERDUE", "LATENCY_P95_HIGH")

        assert told["BACKUP_OVERDUE"]["points"] == []
        assert "not recorded" in told["BACKUP_OVERDUE"]["reason"]
        assert told["LATENCY_P95_HIGH"]["reason"] == "the engine recorded no figures in this time"


def test_rules_that_were_imported_again_change_nothing(rules, settings):
    """The fixture of these tests is the file that the portal starts with."""
    again = import_rules(settings.CONFIG_DIR / "alerts.production.yaml", by_name="test")

    assert again.created == []
