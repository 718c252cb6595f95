"""The daily report: from recorded facts, the same from the same facts, and nothing invented."""

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from html import unescape

import pytest
from django.utils import timezone

from alerts.models import Alert
from polyarb_site.audit.chain import Anchor, verify_chain
from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record_alone
from reports.models import DailyReport
from reports.render.html import page
from reports.render.report import document
from reports.services.daily import make_report, rebuild
from tests.api.alert_building import make_alert
from tests.api.building import make_reconciliation
from tests.conftest import make_profile
from tests.helpers.clocks import FixedClock
from tests.helpers.days import DAY, Shape, invent, session_of
from trading.models import ArbitrageSet, EngineSession, LedgerEntry, Mandate, Order, Trade
from trading.services import Invalid, NotFound, NotPermitted

pytestmark = pytest.mark.django_db
NEXT_MORNING = DAY + timedelta(days=1, minutes=5)


@pytest.fixture
def clock():
    return FixedClock(NEXT_MORNING)


@pytest.fixture
def busy_day(mandate, profile):
    session = session_of(profile)
    invent(session)
    return session


def make(clock, day=DAY, **changes):
    return make_report("main", day.date(), clock=clock, **{"by_name": "test", **changes})


def figures(day=DAY):
    return rebuild("main", day.date()).figures


class TestSameFacts:
    def test_give_the_same_report_byte_for_byte_and_no_second_row(self, busy_day, clock):
        first = make(clock)
        again = make(FixedClock(NEXT_MORNING + timedelta(days=40)))

        assert again.pk == first.pk
        assert rebuild("main", DAY.date()).markdown == first.markdown
        assert rebuild("main", DAY.date()).figures == DailyReport.objects.get().figures

    def test_that_changed_give_the_next_revision_and_keep_the_first(self, busy_day, clock):
        first = make(clock)
        Trade.objects.filter(pk=Trade.objects.first().pk).update(state="FAILED")
        again = make(clock)

        assert (first.revision, again.revision) == (1, 2)
        assert DailyReport.objects.get(pk=first.pk).markdown == first.markdown
        assert again.figures["money"][0]["trades"]["failed"] == 1

    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
    @pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)])
    def test_are_of_the_utc_day_on_a_day_of_daylight_saving(self, mandate, profile, zone, day):
        """A day of UTC has 24 hours, whatever the viewer's clock does in it."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        session = session_of(profile, day=start)
        invent(session, Shape(sets=5, gaps=10, samples=24), day=start)
        plain = rebuild("main", day)
        with timezone.override(zone):
            seen = rebuild("main", day)

        assert seen.markdown == plain.markdown
        assert seen.figures["runs"]["period_ms"] == 86_400_000
        assert seen.figures["money"][0]["sets"]["opened"] == 5


class TestUpstreamDefects:
    def test_r1_a_day_with_facts_is_not_empty_whatever_its_spelling(self, busy_day, clock):
        """R1: days as YYYYMMDD were compared with ISO dates, so every day was empty."""
        report = make(clock)

        assert report.figures["idle"] == ""
        assert report.figures["money"][0]["trades"]["number"] == Trade.objects.count() > 0
        assert "20260302" in {path.stem for path in _files(report)}

    def test_r2_each_section_reads_what_is_really_written(self, busy_day, clock):
        """R2: it read a file nobody writes, event names nobody emits, keys that differ."""
        make_alert(state="RESOLVED", fired_at=DAY + timedelta(hours=3),
                   resolved_at=DAY + timedelta(hours=4))  # fmt: skip
        make_reconciliation(busy_day, at=DAY + timedelta(hours=5))
        found = figures()
        money = found["money"][0]

        for number in (
            found["runs"]["count"],
            found["latency"]["decisions"],
            found["latency"]["samples"],
            found["alerts"]["fired"],
            found["events"]["counts"]["CRITICAL"],
            found["reconciliation"]["counts"]["MISMATCH"],
            money["orders"]["submitted"],
            money["trades"]["number"],
            money["funnel"]["steps"][0]["number"],
            money["realised"]["kinds"][0]["entries"],
            money["exposure"]["max_micro"],
            money["positions"]["cash_micro"],
        ):
            assert number > 0

    def test_r3_the_win_rate_is_of_sets_and_never_above_all(self, busy_day):
        """R3: "win rate" was fills by opportunities, so that 200 % was possible."""
        sets = figures()["money"][0]["sets"]
        closed = ArbitrageSet.objects.filter(state__in=("MERGED", "UNWOUND", "REDEEMED"))
        won = closed.filter(realised_micro__gt=0).count()

        assert Trade.objects.count() == 2 * closed.count()
        assert sets["win_rate"] == won * 10**6 // closed.count() < 10**6

    def test_r3_a_lost_dollar_and_a_firing_alert_are_told(self, mandate, profile):
        """R3: a day with a fill of -$2.50 and a CRITICAL alert said $0.00 and "no anomalies"."""
        session = session_of(profile)
        LedgerEntry.objects.create(
            entry_id="x", session=session, kind="SELL", at=DAY, realised_micro=-2_500_000,
            paper=True,
        )  # fmt: skip
        make_alert(state="FIRING", fired_at=DAY + timedelta(hours=1))
        built = rebuild("main", DAY.date())
        codes = [one["code"] for one in built.figures["anomalies"]]

        assert codes == ["CRITICAL_OPEN", "NEGATIVE_PNL"]
        assert "It realised −$2.50 on paper" in built.markdown
        assert "2 things need a look" in built.markdown

    def test_r3_the_configuration_is_that_of_the_day(self, busy_day):
        """R3: the mode of the report was that of today's configuration."""
        other = make_profile("live_safe_atomic_v1", 4)
        Mandate.objects.update(mode="LIVE", feed="simulator", phase=1, profile=other)
        (one,) = figures()["runs"]["configurations"]

        assert (one["mode"], one["feed"], one["phase"]) == ("SHADOW", "polymarket", 0)
        assert (one["profile"], one["revision"]) == ("live_shadow_atomic_v1", 1)


class TestTotals:
    @pytest.mark.parametrize("seed", range(4))
    def test_are_those_of_a_recomputation_with_fractions(self, mandate, profile, seed):
        invent(session_of(profile), Shape(sets=60, gaps=200, samples=200), seed=seed)
        money = figures()["money"][0]

        closed = [row for row in ArbitrageSet.objects.all() if row.state in ("MERGED", "UNWOUND")]
        dollars = Fraction(1, 10**6)
        realised = sum(row.realised_micro * dollars for row in LedgerEntry.objects.all())
        assert money["realised"]["total_micro"] * dollars == realised
        assert money["sets"]["kept_micro"] * dollars == sum(
            row.realised_micro * dollars for row in closed
        )
        assert money["sets"]["expected_micro"] == sum(row.expected_net_micro for row in closed)
        kept = Fraction(money["sets"]["kept_micro"], money["sets"]["expected_micro"])
        assert money["sets"]["kept_rate"] == kept * 10**6 // 1
        bought = sum(
            Fraction(row.price_micro * row.size_micro, 10**12) for row in Trade.objects.all()
        )
        assert money["trades"]["bought_micro"] * dollars == bought
        assert money["trades"]["fees_micro"] == sum(row.fee_micro for row in Trade.objects.all())
        refused = Order.objects.filter(state="REFUSED").count()
        assert money["orders"]["refuse_rate"] == refused * 10**6 // Order.objects.count()
        assert sum(money["positions"]["dollars"].values()) == 0
        capital = 100_000 * 10**6
        assert money["positions"]["cash_micro"] == capital + money["realised"]["total_micro"]

    def test_what_was_posted_later_is_not_in_the_balances_of_the_day(self, busy_day):
        before = figures()["money"][0]["positions"]
        later = session_of(busy_day.profile, day=DAY + timedelta(days=1), token=2)
        invent(later, Shape(sets=5, gaps=0, samples=0), day=DAY + timedelta(days=1))

        assert figures()["money"][0]["positions"] == before

    def test_kinds_of_money_are_never_added_up(self, busy_day):
        play = session_of(
            busy_day.profile, token=2, mode="LIVE", feed="simulator", label="SIMULATED"
        )
        invent(play, Shape(sets=20, gaps=50, samples=10), seed=3)
        built = rebuild("main", DAY.date())
        kinds = {one["money"]: one for one in built.figures["money"]}

        assert list(kinds) == ["PLAY", "PAPER"]
        assert kinds["PAPER"]["sets"]["opened"] == 40
        assert kinds["PLAY"]["sets"]["opened"] == 20
        assert "## Trade statistics with play money" in built.markdown
        assert "## Trade statistics on paper" in built.markdown

    def test_another_account_does_not_count(self, busy_day):
        before = figures()
        other = session_of(busy_day.profile, account="other", token=9)
        invent(other, Shape(sets=5, gaps=5, samples=5))

        assert figures()["money"] == before["money"]

    def test_open_sets_are_as_they_were_at_midnight(self, busy_day):
        row = ArbitrageSet.objects.filter(state="MERGED").order_by("pk").last()
        ArbitrageSet.objects.filter(pk=row.pk).update(moved_at=DAY + timedelta(days=1, hours=1))
        positions = figures()["money"][0]["positions"]

        assert positions["open_count"] == 1
        assert [line["set_id"] for line in positions["open_sets"]] == [row.set_id]


class TestNoData:
    def test_says_when_the_last_engine_ended_and_why(self, busy_day):
        built = rebuild("main", (DAY + timedelta(days=2)).date())

        assert built.figures["money"] == []
        assert "the last one before had ended 2026-03-02 23:58:00 UTC" in built.markdown
        assert "stop requested" in built.markdown

    def test_says_when_the_first_one_started(self, busy_day):
        text = rebuild("main", (DAY - timedelta(days=2)).date()).markdown

        assert "the first one ever started 2026-03-02 00:01:00 UTC" in text

    def test_says_that_none_ever_ran(self, mandate):
        assert "no engine has ever run" in rebuild("main", DAY.date()).markdown

    def test_of_an_engine_that_saw_nothing_has_dashes_and_no_rates(self, mandate, profile):
        session_of(profile)
        built = rebuild("main", DAY.date())
        sets = built.figures["money"][0]["sets"]

        assert (sets["win_rate"], sets["kept_rate"]) == (None, None)
        assert "No set ended, so there is no win rate" in built.markdown
        assert "No gap was seen" in built.markdown
        assert "No latency was recorded" in built.markdown


class TestMaking:
    def test_refuses_a_day_that_has_not_begun(self, mandate, clock):
        with pytest.raises(Invalid, match="has not begun"):
            make(clock, DAY + timedelta(days=2))

        assert DailyReport.objects.count() == AuditEvent.objects.count() == 0

    def test_refuses_an_account_that_is_not_there(self, db, clock):
        with pytest.raises(NotFound):
            make_report("nobody", DAY.date(), by_name="test", clock=clock)

    def test_needs_the_permission(self, busy_day, clock, viewer, operator):
        with pytest.raises(NotPermitted):
            make(clock, by=viewer, by_name="")

        assert make(clock, by=operator, by_name="").created_by == "otto"

    def test_of_a_day_that_is_not_over_goes_up_to_now_and_says_so(self, busy_day, clock):
        noon = DAY + timedelta(hours=12)
        report = make(FixedClock(noon))

        assert report.figures["until"] == noon.isoformat()
        assert "the day was not over yet" in report.markdown

    def test_is_in_the_audit_with_its_hash(self, busy_day, clock):
        report = make(clock)
        event = AuditEvent.objects.get(action="report.make")

        assert event.after["sha256"] == report.sha256

    def test_holds_the_head_of_the_audit_at_the_end_of_the_day(self, busy_day, clock):
        record_alone("a.b", actor=None, actor_name="x", at=DAY + timedelta(hours=1))
        head = record_alone("a.c", actor=None, actor_name="x", at=DAY + timedelta(hours=2))
        record_alone("a.d", actor=None, actor_name="x", at=NEXT_MORNING)
        report = make(clock)

        assert (report.audit_sequence, report.audit_sha256) == (head.sequence, head.sha256)
        assert head.sha256 in report.markdown
        anchor = Anchor(sequence=report.audit_sequence, sha256=report.audit_sha256)
        rows = AuditEvent.objects.order_by("sequence")
        assert verify_chain(rows, anchors=[anchor]).broken is None
        assert verify_chain(rows[:1], anchors=[anchor]).broken is not None

    def test_writes_whole_files_and_leaves_nothing_else(self, busy_day, clock, reports_dir):
        report = make(clock)
        names = sorted(path.name for path in (reports_dir / "daily").iterdir())

        assert names == ["20260302.html", "20260302.md"]
        assert (reports_dir / "daily" / "20260302.md").read_text() == report.markdown


class TestLinks:
    """Each number leads to its rows: the list shows as many as the report says."""

    def test_lead_to_as_many_rows_as_the_number_says(self, busy_day, clock, client, admin_user):
        client.force_login(admin_user)
        cells = [
            cell
            for section in document(make(clock).figures).sections
            for table in section.tables
            for row in table.rows
            for cell in row
            if cell.link.startswith("/admin/trading/") and cell.exact.isdecimal()
        ]
        assert len(cells) > 30
        for cell in cells:
            response = client.get(cell.link)
            assert response.status_code == 200, cell.link
            assert response.context["cl"].queryset.count() == int(cell.exact), cell.link

    def test_that_are_no_numbers_lead_somewhere_too(self, busy_day, clock, client, admin_user):
        client.force_login(admin_user)
        links = {
            unescape(link)
            for link in re.findall(r'href="([^"]+/change/)"', page(document(figures())))
        }

        assert links
        for link in links:
            assert client.get(link).status_code == 200, link


def test_texts_of_others_cannot_leave_their_place(mandate, profile):
    hostile = "<script>alert(1)</script> | [x](http://evil) `"
    session = session_of(profile, state_reason=hostile)
    Alert.objects.all().delete()
    built = rebuild("main", DAY.date())

    assert EngineSession.objects.get().state_reason == session.state_reason
    assert "<script>" not in page(document(built.figures))
    assert r"\<script\>" in built.markdown
    assert r"\| \[x\](http" in built.markdown


def _files(report):
    from django.conf import settings

    return list((settings.REPORTS_DIR / "daily").glob(f"{report.day:%Y%m%d}.*"))
