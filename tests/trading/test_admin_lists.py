"""The lists of facts: every role sees them, nobody changes them, more rows cost no more."""

import csv
import io
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.api.building import make_note, make_opportunity, make_session
from tests.conftest import NOON
from tests.helpers import admin_pages as pages
from trading.admin import paging
from trading.models import (
    ArbitrageSet,
    EngineNote,
    Market,
    Opportunity,
    Order,
    Trade,
)

READ_ONLY = [
    apps.get_model("trading", name) for name in pages.FACTS if name not in ("profile", "mandate")
]
QUERIES_MAX = 45  # of a whole page with its header


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


def text_of(response):
    return response.content.decode()


class TestAccess:
    @pytest.mark.parametrize("model", pages.FACTS)
    @pytest.mark.parametrize("role", pages.ROLES)
    def test_each_role_sees_each_list(self, client, request, session, model, role):
        client.force_login(request.getfixturevalue(role))
        pages.facts(session)

        assert client.get(pages.list_of(model)).status_code == 200

    def test_an_account_without_a_role_sees_no_list(self, client, nobody, session):
        nobody.is_staff = True
        nobody.save()
        client.force_login(nobody)

        for model in pages.FACTS:
            assert client.get(pages.list_of(model)).status_code == 403, model
            if model != "mandate":
                export = f"{pages.list_of(model)}export.csv"
                assert client.get(export).status_code == 403, model

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_not_even_an_admin_can_change_a_fact(self, client, admin_user, session, model):
        client.force_login(admin_user)
        pages.facts(session)
        row = model.objects.first()
        name = model._meta.model_name
        before = model.objects.filter(pk=row.pk).values().get()

        assert client.get(reverse(f"admin:trading_{name}_add")).status_code == 403
        assert (
            client.post(reverse(f"admin:trading_{name}_delete", args=[row.pk])).status_code == 403
        )
        typed = {key: value for key, value in before.items() if value is not None}
        assert client.post(pages.page_of(name, row.pk), typed).status_code == 403
        assert model.objects.filter(pk=row.pk).values().get() == before
        registered = admin.site._registry[model]
        assert not registered.actions

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_each_record_has_a_page(self, client, viewer, session, model):
        client.force_login(viewer)
        pages.facts(session)

        for row in model.objects.all()[:3]:
            assert client.get(pages.page_of(model._meta.model_name, row.pk)).status_code == 200

    def test_a_record_that_is_not_there_leads_back_and_does_not_crash(self, client, viewer):
        client.force_login(viewer)

        for model in pages.FACTS:
            assert client.get(pages.page_of(model, "main-9-none")).status_code == 302, model


class TestEmpty:
    @pytest.mark.parametrize("model", pages.FACTS)
    def test_an_empty_list_loads(self, client, viewer, model):
        client.force_login(viewer)

        assert client.get(pages.list_of(model)).status_code == 200

    def test_no_sets_says_how_many_gaps_survived(self, client, viewer, session):
        pages.make_gap(session, 1, edge_micro=1_000)
        pages.make_gap(session, 2, edge_micro=-1_000)
        pages.make_gap(
            session, 3, edge_micro=None, last_seen_at=NOON + timedelta(hours=5, seconds=1)
        )
        client.force_login(viewer)

        text = text_of(client.get(pages.list_of("arbitrageset")))

        assert "In 5 h of data only 1 of 3 gaps survives the fee" in text

    def test_filters_that_fit_nothing_say_so_and_lead_back(self, client, viewer, session):
        pages.facts(session)
        client.force_login(viewer)

        text = text_of(client.get(pages.list_of("opportunity"), {"refusal": "KILL_SWITCH"}))

        assert "Nothing fits." in text
        assert "No gaps yet" not in text


@pytest.mark.slow
class TestWork:
    @pytest.mark.parametrize("model", pages.FACTS)
    def test_more_rows_take_no_more_queries(self, client, viewer, session, model):
        client.force_login(viewer)
        pages.facts(session)
        client.get(pages.list_of(model))
        with CaptureQueriesContext(connection) as few:
            client.get(pages.list_of(model))
        pages.many(session, 20)
        with CaptureQueriesContext(connection) as more:
            client.get(pages.list_of(model))

        assert len(more) <= len(few) + 1  # a market query, where there was nothing to ask before
        assert len(more) < QUERIES_MAX

    def test_counting_stops_early(self, client, viewer, session, monkeypatch):
        monkeypatch.setattr(paging, "ROWS_COUNTED_MAX", 5)
        for number in range(8):
            make_note(session, number)
        client.force_login(viewer)

        with CaptureQueriesContext(connection) as queries:
            text = text_of(client.get(pages.list_of("enginenote")))

        assert "more than" in text
        counts = [q["sql"] for q in queries if "COUNT(" in q["sql"] and "enginenote" in q["sql"]]
        assert counts
        assert all("LIMIT 6" in sql for sql in counts)


class TestFilters:
    def test_a_filter_keeps_what_fits_and_the_link_carries_it(self, client, viewer, session):
        pages.facts(session)
        client.force_login(viewer)

        response = client.get(pages.list_of("opportunity"), {"refusal": "BELOW_MIN_PROFIT"})

        assert [row.refusal for row in response.context["cl"].result_list] == ["BELOW_MIN_PROFIT"]
        assert "?refusal=BELOW_MIN_PROFIT" in response.context["view_url"]
        assert response.context["export_url"].endswith("export.csv?refusal=BELOW_MIN_PROFIT")

    @pytest.mark.parametrize(
        ("model", "query", "found"),
        [
            ("opportunity", {"reached": "CONFIRMED"}, 2),
            ("opportunity", {"reached": "SUBMITTED"}, 1),
            ("opportunity", {"stage": "CONFIRMED"}, 1),
            ("opportunity", {"condition_id": "0xbb"}, 0),
            ("arbitrageset", {"reached": "MATCHED"}, 1),
            ("arbitrageset", {"state": "ABANDONED"}, 0),
            ("arbitrageset", {"money": "REAL"}, 0),
            ("arbitrageset", {"open": "0"}, 1),
            ("arbitrageset", {"open": "1"}, 0),
            ("trade", {"side": "BUY"}, 2),
            ("order", {"state": "CONFIRMED"}, 2),
            ("ledgerentry", {"kind": "MERGE"}, 1),
            ("enginesession", {"state": "TRADING"}, 1),
            ("market", {"state": "OPEN"}, 1),
        ],
    )
    def test_each_filter_finds_its_rows(self, client, viewer, session, model, query, found):
        pages.facts(session)
        client.force_login(viewer)

        response = client.get(pages.list_of(model), query)

        assert len(response.context["cl"].result_list) == found

    def test_a_time_range_is_in_utc(self, client, viewer, session):
        make_opportunity(session, 10)
        make_opportunity(session, 20)
        client.force_login(viewer)
        query = {
            "seen_at_from_0": "2026-03-02",
            "seen_at_from_1": "12:00:15",
            "seen_at_to_0": "2026-03-02",
            "seen_at_to_1": "12:00:25",
        }

        response = client.get(pages.list_of("opportunity"), query)

        ids = [row.opportunity_id for row in response.context["cl"].result_list]
        assert ids == ["main-1-p20"]

    @pytest.mark.parametrize(
        ("model", "words", "found"),
        [
            ("opportunity", "main-1-p2", 1),
            ("opportunity", "happen 0xaa", 2),
            ("opportunity", "nothing like it", 0),
            ("arbitrageset", "main-1-s1", 1),
            ("trade", "0xaa", 2),
            ("market", "happen", 1),
        ],
    )
    def test_search_finds_ids_and_words_of_the_market(
        self, client, viewer, session, model, words, found
    ):
        pages.facts(session)
        client.force_login(viewer)

        response = client.get(pages.list_of(model), {"q": words})

        assert len(response.context["cl"].result_list) == found

    @pytest.mark.parametrize(
        "query", ["?q=%00", "?p=999", "?reached=x&money=7", "?seen_at_from_0=x"]
    )
    def test_nonsense_in_the_address_does_not_crash(self, client, viewer, session, query):
        pages.facts(session)
        client.force_login(viewer)

        response = client.get(f"{pages.list_of('opportunity')}{query}")

        assert response.status_code in (200, 302)


def lines_of(response):
    text = b"".join(response.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


class TestExport:
    def test_the_file_has_what_the_filters_show(self, client, viewer, session):
        pages.facts(session)
        client.force_login(viewer)

        response = client.get(
            f"{pages.list_of('opportunity')}export.csv", {"refusal": "BELOW_MIN_PROFIT"}
        )
        head, *rows = lines_of(response)

        assert response["Content-Type"].startswith("text/csv")
        assert len(rows) == 1
        row = dict(zip(head, rows[0], strict=True))
        assert row["gap_micro"] == "30000"
        assert row["seen_at"] == "2026-03-02T12:00:02Z"

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
    def test_no_cell_is_run_as_a_formula(self, client, viewer, session, start):
        make_note(session, text=f"{start}1+cmd|'/c calc'!A1")
        client.force_login(viewer)

        head, row = lines_of(client.get(f"{pages.list_of('enginenote')}export.csv"))

        assert row[head.index("text")].startswith(f"'{start}")

    def test_a_negative_amount_stays_a_number(self, client, viewer, session):
        pages.make_gap(session, edge_micro=-1_500)
        client.force_login(viewer)

        head, row = lines_of(client.get(f"{pages.list_of('opportunity')}export.csv"))

        assert row[head.index("edge_micro")] == "-1500"

    def test_the_file_goes_over_several_pages_and_loses_nothing(
        self, client, viewer, session, monkeypatch
    ):
        monkeypatch.setattr("trading.admin.exports.PAGE_ROWS", 3)
        for number in range(8):
            make_note(session, number)
        client.force_login(viewer)

        _, *rows = lines_of(client.get(f"{pages.list_of('enginenote')}export.csv"))

        assert [row[0] for row in rows] == [f"main-1-n{number}" for number in reversed(range(8))]

    def test_too_many_rows_are_refused_in_words(self, client, viewer, session, monkeypatch):
        monkeypatch.setattr("trading.admin.exports.ROWS_MAX", 1)
        make_note(session, 1)
        make_note(session, 2)
        client.force_login(viewer)

        response = client.get(f"{pages.list_of('enginenote')}export.csv", follow=True)

        assert "Choose a shorter time first." in text_of(response)

    @pytest.mark.parametrize("model", [name for name in pages.FACTS if name != "mandate"])
    def test_each_list_has_a_file(self, client, viewer, session, model):
        pages.facts(session)
        client.force_login(viewer)

        head, *rows = lines_of(client.get(f"{pages.list_of(model)}export.csv"))

        assert rows
        assert all(len(row) == len(head) for row in rows)


class TestHostileText:
    def test_text_of_the_venue_is_never_markup(self, client, viewer, session):
        pages.make_market(
            question=pages.HOSTILE, slug=pages.HOSTILE, yes_outcome=pages.HOSTILE[:90]
        )
        pages.taken_gap(session)
        pages.make_gap(session, 2, reason=pages.HOSTILE)
        row = pages.whole_set(session)
        ArbitrageSet.objects.filter(pk=row.pk).update(reason=pages.HOSTILE)
        make_note(session, text=pages.HOSTILE, code="<b>x</b>")
        client.force_login(viewer)

        addresses = [pages.list_of(model) for model in pages.FACTS]
        addresses += [
            pages.page_of("opportunity", Opportunity.objects.get(opportunity_id="main-1-p2").pk),
            pages.page_of("arbitrageset", row.pk),
            pages.page_of("market", Market.objects.get().pk),
            pages.page_of("trade", Trade.objects.values_list("pk", flat=True)[0]),
            pages.page_of("order", Order.objects.values_list("pk", flat=True)[0]),
            pages.page_of("enginenote", EngineNote.objects.get().pk),
            f"{pages.list_of('opportunity')}?q={pages.HOSTILE}",
        ]
        for address in addresses:
            text = text_of(client.get(address))
            assert "<script>alert" not in text, address
            assert "<img src=x" not in text, address
            assert "<b>x</b>" not in text, address


class TestOtherAdmins:
    @pytest.mark.parametrize("model", ["schedule", "success", "failure", "ormq"])
    def test_the_queue_can_be_read_and_not_changed(self, client, admin_user, model):
        client.force_login(admin_user)

        assert client.get(pages.list_of(model, "django_q")).status_code == 200
        assert client.get(reverse(f"admin:django_q_{model}_add")).status_code == 403

    def test_no_token_is_shown_and_none_has_a_page(self, client, admin_user, viewer):
        from rest_framework.authtoken.models import Token

        from polyarb_site.rest import tokens

        secret = tokens.issue(viewer, by_name="test")
        key = Token.objects.get().key
        client.force_login(admin_user)

        text = text_of(client.get(pages.list_of("tokenproxy", "authtoken")))

        assert "vera" in text
        assert key not in text
        assert secret not in text
        page = client.get(pages.page_of("tokenproxy", key, "authtoken"))
        assert page.status_code == 403

    def test_an_admin_makes_no_superuser(self, client, admin_user, viewer):
        client.force_login(admin_user)
        address = pages.page_of("user", viewer.pk, "auth")

        assert client.get(address).status_code == 200
        client.post(
            address,
            {"username": "vera", "is_active": "on", "is_staff": "on", "is_superuser": "on"},
        )

        viewer.refresh_from_db()
        assert not viewer.is_superuser

    def test_an_admin_changes_no_superuser(self, client, admin_user, django_user_model):
        boss = django_user_model.objects.create(username="boss", is_superuser=True, is_staff=True)
        client.force_login(admin_user)

        response = client.post(pages.page_of("user", boss.pk, "auth"), {"username": "mine"})

        assert response.status_code == 403

    def test_a_viewer_sees_no_accounts(self, client, viewer):
        client.force_login(viewer)

        for model in ("user", "group"):
            assert client.get(pages.list_of(model, "auth")).status_code == 403

    def test_roles_show_their_people(self, client, admin_user, viewer):
        client.force_login(admin_user)

        assert "vera" in text_of(client.get(pages.list_of("group", "auth")))
        assert "viewer" in text_of(client.get(pages.list_of("user", "auth")))
