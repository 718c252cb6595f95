"""Checks of the wallet without anybody's command: asked for, regular, kept and thinned."""

from datetime import timedelta

import pytest
from django_q.models import OrmQ

from polyarb_site.audit.models import AuditEvent
from tests.api.building import Caller, error_of
from tests.api.openapi import undescribed
from tests.conftest import NOON
from tests.signer.conftest import short_dir as short_dir  # noqa: PLC0414
from tests.wallets.real_place import enter as enter  # noqa: PLC0414
from tests.wallets.real_place import on_books as on_books  # noqa: PLC0414
from trading import tasks
from trading.models import Mandate, WalletCheck
from trading.services import (
    NotPermitted,
    ServiceRefused,
    ask_for_check,
    ask_for_regular_checks,
    thin_wallet_checks,
)

pytestmark = pytest.mark.django_db
PATH = "/api/wallet/check"
PAGE = "/admin/trading/walletcheck/check/"


def queued():
    return [(row.key, row.task["func"], row.task["args"]) for row in OrmQ.objects.all()]


def stored(at, account="main", **changes):
    values = {"kind": "DEPOSIT", "phase": 1, "feed": "simulator", "ok": True, "lines": []}
    return WalletCheck.objects.create(
        account=account, at=at, by_name="jobs", **(values | changes)
    ).pk


class TestAsking:
    def test_queues_a_job_once_its_record_is_committed(
        self, mandate, viewer, noon, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            ask_for_check("main", by=viewer, reason="POL was sent", at=noon)
            assert queued() == []

        assert queued() == [("jobs", "trading.tasks.check_wallet", ("main", "vera"))]
        event = AuditEvent.objects.get()
        assert (event.action, event.target) == ("wallet.check_asked", "wallet:main")
        assert (event.actor_name, event.reason) == ("vera", "POL was sent")

    def test_is_refused_to_an_account_without_a_role(self, mandate, nobody, noon):
        with pytest.raises(NotPermitted):
            ask_for_check("main", by=nobody, at=noon)

        assert AuditEvent.objects.count() == 0

    def test_is_refused_a_moment_after_another(self, mandate, viewer, noon):
        ask_for_check("main", by=viewer, at=noon)

        with pytest.raises(ServiceRefused, match="less than 10 seconds ago"):
            ask_for_check("main", by=viewer, at=noon + timedelta(seconds=9))

        ask_for_check("main", by=viewer, at=noon + timedelta(seconds=10))

    def test_is_refused_for_an_account_that_is_not_there(self, viewer, noon):
        with pytest.raises(ServiceRefused, match="no account"):
            ask_for_check("other", by=viewer, at=noon)


class TestTheRegularOnes:
    def test_are_of_accounts_that_shall_trade(self, mandate):
        for name, desired, mode in (
            ("live", "RUN", "LIVE"),
            ("paper", "RUN", "SHADOW"),
            ("stopped", "STOP", "LIVE"),
        ):
            Mandate.objects.create(account=name, desired=desired, mode=mode, changed_at=NOON)

        assert ask_for_regular_checks() == ["live"]
        assert queued() == [("jobs", "trading.tasks.check_wallet", ("live", "jobs"))]


class TestTheJob:
    @pytest.mark.slow
    def test_keeps_what_it_saw_and_says_what_is_missing(self, enter, on_books):
        enter(on_books)

        said = tasks.check_wallet("main", "jobs")

        check = WalletCheck.objects.get()
        assert (check.by_name, check.ok) == ("jobs", False)
        assert said.startswith("not ready: approval:exchange:collateral, ")

    def test_says_why_it_could_not_look(self, mandate, settings):
        settings.SIMULATOR_PORT = 9  # nobody listens there
        Mandate.objects.update(feed="simulator")

        assert tasks.check_wallet("main", "jobs").startswith("NO_LOCAL_VENUE: ")
        assert WalletCheck.objects.count() == 0


class TestThinning:
    def test_keeps_a_week_whole_and_then_the_last_of_each_day(self, noon):
        week = noon - timedelta(days=7)
        kept = [
            stored(week),  # not older than a week
            stored(noon),
            stored(week - timedelta(minutes=1)),
            stored(week - timedelta(days=1)),
            stored(week - timedelta(hours=1), account="other"),
        ]
        gone = [stored(week - timedelta(minutes=1, hours=hours)) for hours in (1, 2, 11)]
        gone.append(stored(week - timedelta(days=1, hours=1)))

        assert thin_wallet_checks(noon) == len(gone)

        assert set(WalletCheck.objects.values_list("pk", flat=True)) == set(kept)
        assert thin_wallet_checks(noon) == 0


class TestTheDoors:
    def test_the_api_queues_a_check_as_described(
        self, mandate, operator, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = Caller(operator).post(PATH, {"reason": "POL was sent"})

        assert undescribed(PATH, "POST", response) == []
        assert response.json() == {"account": "main", "queued": True}
        assert queued() == [("jobs", "trading.tasks.check_wallet", ("main", "otto"))]

    def test_the_api_says_that_one_is_asked_for_already(self, mandate, operator):
        Caller(operator).post(PATH)

        response = Caller(operator).post(PATH)

        assert response.status_code == 409
        assert error_of(response)["code"] == "CHECK_ASKED_ALREADY"

    def test_the_button_queues_a_check_and_goes_back(
        self, client, mandate, viewer, django_capture_on_commit_callbacks
    ):
        client.force_login(viewer)

        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(PAGE)

        assert (answer.status_code, answer.url) == (302, "/admin/trading/walletcheck/newest/")
        assert queued() == [("jobs", "trading.tasks.check_wallet", ("main", "vera"))]
        assert AuditEvent.objects.get(action="wallet.check_asked").actor_name == "vera"

    def test_the_button_is_nobodys_without_a_role(self, client, mandate, nobody):
        client.force_login(nobody)

        assert client.post(PAGE).status_code in (302, 403)
        assert OrmQ.objects.count() == 0
        assert not AuditEvent.objects.filter(action="wallet.check_asked").exists()

    def test_the_page_says_how_old_it_is(self, client, mandate, viewer, noon):
        stored(noon)
        client.force_login(viewer)

        html = client.get("/admin/trading/walletcheck/newest/").content.decode()

        assert "more than half an hour old" in html
        assert f'action="{PAGE}"' in html
        assert "Check again" in html
