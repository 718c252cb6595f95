"""The doors to deposits and withdrawals: shell, pages, API. Each says that no money is moved."""

import pytest
from django.urls import reverse

from tests.api.building import DIFFERENCE, Caller, error_of, make_capital, make_incident
from tests.conftest import NOON
from tests.helpers import admin_pages as pages
from tests.helpers.commands import run_command
from tests.reconciling.rows import a_ledger
from trading.models import CapitalMovement, Incident, Mandate
from trading.selectors.reconciliations import unexplained_cash_micro

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(mandate, profile):
    Mandate.objects.update(mode="LIVE", feed="simulator", desired="RUN", profile=profile)
    return a_ledger(profile)


@pytest.fixture
def incident(live):
    return make_incident(live)


def found(incident, *differences):
    """Let the incident's last finding be these differences."""
    last = {**incident.evidence["last"], "differences": list(differences)}
    incident.evidence = {**incident.evidence, "last": last}
    incident.save()
    return incident


def only():
    return CapitalMovement.objects.get()


class TestCommand:
    def test_records_with_a_sign_and_says_that_nothing_was_moved(self, live):
        status, out, _ = run_command("record_capital", "-12.50", "--reason", "to the treasury")

        assert status == 0
        assert "a withdrawal of 12.5 dollars (play money) is recorded" in out
        assert "no money was moved" in out
        assert (only().amount_micro, only().reason) == (-12_500_000, "to the treasury")
        assert only().by_name.startswith("shell:")

    def test_with_a_reference_counts_once(self, live):
        for _ in range(2):
            status, out, _ = run_command(
                *("record_capital", "+25", "--reason", "x", "--reference", "d-1")
            )
            assert (status, "recorded as d-1" in out) == (0, True)

        assert only().amount_micro == 25_000_000

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (("1,5", "--reason", "x"), "the amount cannot be read"),
            (("5", "--reason", " "), "needs a reason"),
            (("-98", "--reason", "x"), "97.51264 free dollars"),
        ],
    )
    def test_a_refusal_is_1_and_says_what_to_do(self, live, given, said):
        status, out, err = run_command("record_capital", *given)

        assert (status, out) == (1, "")
        assert said in err
        assert not CapitalMovement.objects.exists()

    def test_the_help_says_what_it_does_not_do(self):
        from trading.management.commands.record_capital import Command

        assert "It moves no money" in Command.help


class TestMandatePage:
    def address(self):
        return reverse(
            "admin:trading_mandate_act", args=[Mandate.objects.get().pk, "record-capital"]
        )

    def test_records_and_says_that_nothing_was_moved(self, client, live, admin_user):
        client.force_login(admin_user)
        assert "It moves no money" in client.get(self.address()).content.decode()

        data = {"amount": "25", "reference": "", "reason": "from the bank"}
        page = client.post(self.address(), data, follow=True).content.decode()

        assert "No money was moved" in page
        assert (only().amount_micro, only().by_name) == (25_000_000, "adam")

    @pytest.mark.parametrize(
        ("role", "amount", "code", "status"),
        [
            ("operator", "25", "NOT_ALLOWED", 403),
            ("admin_user", "", "AMOUNT_INVALID", 400),
            ("admin_user", "-98", "CASH_TOO_LOW", 409),
        ],
    )
    def test_a_refusal_is_shown(self, client, live, request, role, amount, code, status):
        client.force_login(request.getfixturevalue(role))

        response = client.post(self.address(), {"amount": amount, "reason": "x"})

        assert response.status_code == status
        assert code in response.content.decode()
        assert not CapitalMovement.objects.exists()


class TestIncidentPage:
    def address(self):
        return reverse("admin:trading_incident_capital", args=[Incident.objects.get().pk])

    def test_offers_to_record_the_exact_difference(self, client, incident, admin_user):
        client.force_login(admin_user)
        page = client.get(pages.page_of("incident", incident.pk)).content.decode()
        assert self.address() in page

        form = client.get(self.address()).context["form"]
        assert form.initial["amount"] == "-0.1"
        client.post(self.address(), form.initial)

        assert (only().amount_micro, only().reference) == (-100_000, f"incident-{incident.pk}:-0.1")

    def test_two_people_record_it_once(self, client, incident, admin_user):
        client.force_login(admin_user)
        form = client.get(self.address()).context["form"]
        for _ in range(2):
            assert client.post(self.address(), form.initial).status_code == 302

        assert only().amount_micro == -100_000

    def test_is_not_for_an_operator(self, client, incident, operator):
        client.force_login(operator)
        page = client.get(pages.page_of("incident", incident.pk)).content.decode()
        assert "It needs trading.record_capital" in page

        data = {"amount": "-0.1", "reason": "x"}
        assert client.post(self.address(), data).status_code == 403
        assert not CapitalMovement.objects.exists()

    def test_nor_for_who_may_not_look(self, client, incident, nobody):
        nobody.is_staff = True
        nobody.save()
        client.force_login(nobody)

        assert client.get(self.address()).status_code == 403

    @pytest.mark.parametrize(
        "differences",
        [
            (),
            ({**DIFFERENCE, "code": "SHARES_DIFFER"},),
            (DIFFERENCE, {**DIFFERENCE, "code": "UNKNOWN_TOKEN"}),
            (DIFFERENCE, {**DIFFERENCE, "code": "NOT_READ", "difference_micro": None}),
        ],
        ids=["nothing", "shares", "more", "unknown"],
    )
    def test_offers_nothing_when_dollars_are_not_all(
        self, client, incident, admin_user, differences
    ):
        found(incident, *differences)
        client.force_login(admin_user)
        page = client.get(pages.page_of("incident", incident.pk)).content.decode()
        assert self.address() not in page
        assert "NOT_CASH_ALONE" in client.get(self.address()).content.decode()

        response = client.post(self.address(), {"amount": "5", "reason": "x"})

        assert response.status_code == 409
        assert not CapitalMovement.objects.exists()

    def test_a_view_that_only_lags_is_no_difference(self, incident):
        found(incident, DIFFERENCE, {**DIFFERENCE, "code": "VENUE_VIEW_STALE"})
        assert unexplained_cash_micro(incident) == -100_000

        incident.state = Incident.State.RESOLVED
        assert unexplained_cash_micro(incident) is None


class TestListPage:
    def test_shows_what_waits_and_what_is_booked(self, client, live, viewer):
        make_capital()
        client.force_login(viewer)

        page = client.get(pages.list_of("capitalmovement")).content.decode()

        assert "withdrawal-1" in page
        assert "Waiting" in page
        assert "−$12.50" in page

    def test_nothing_is_added_or_changed_there(self, client, admin_user, mandate):
        row = make_capital()
        client.force_login(admin_user)

        assert client.get("/admin/trading/capitalmovement/add/").status_code == 403
        address = pages.page_of("capitalmovement", row.pk)
        assert client.post(address, {"amount_micro": 1}).status_code == 403
        assert only().amount_micro == -12_500_000

    def test_an_empty_list_says_where_to_record(self, client, viewer):
        client.force_login(viewer)

        page = client.get(pages.list_of("capitalmovement")).content.decode()
        assert "No deposit or withdrawal was recorded" in page


class TestApi:
    BODY = {"amount": "-12.50", "reference": "w-1", "reason": "to the treasury"}

    def test_records_once_and_lists(self, live, admin_user):
        caller = Caller(admin_user)
        first, again = (caller.post("/api/capital", self.BODY) for _ in range(2))

        assert first.status_code == again.status_code == 200
        assert first.json() == again.json()
        told = first.json()
        assert (told["amount_micro"], told["amount"], told["money"]) == (
            *(-12_500_000, "-12.5"),
            "PLAY",
        )
        assert (told["booked"], told["by_name"], told["reference"]) == (False, "adam", "w-1")
        assert caller.get("/api/capital").json()["items"] == [told]
        assert caller.get("/api/capital", money="REAL").json()["items"] == []

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"amount": "a lot"}, 400, "AMOUNT_INVALID"),
            ({"amount": "0"}, 400, "AMOUNT_ZERO"),
            ({"amount": "-98"}, 409, "CASH_TOO_LOW"),
            ({"reference": "a b"}, 400, "REFERENCE_INVALID"),
        ],
    )
    def test_a_refusal_has_its_code(self, live, admin_user, changes, status, code):
        answer = Caller(admin_user).post("/api/capital", {**self.BODY, **changes})

        assert (answer.status_code, error_of(answer)["code"]) == (status, code)

    def test_a_number_is_no_text(self, live, admin_user):
        answer = Caller(admin_user).post("/api/capital", {**self.BODY, "amount": -12})

        assert error_of(answer)["field"] == "amount"

    def test_an_operator_sees_and_does_not_record(self, live, operator):
        make_capital(at=NOON)
        caller = Caller(operator)

        assert len(caller.get("/api/capital").json()["items"]) == 1
        assert caller.post("/api/capital", self.BODY).status_code == 403
