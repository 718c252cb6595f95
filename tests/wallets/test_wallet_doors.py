"""The pages, the API and the relayer's key: doors to the wallet that no venue is needed for."""

import pytest

from tests.api.building import Caller
from tests.api.openapi import undescribed
from tests.helpers.evm import VENUE
from trading.models import WalletCheck
from trading.services import ServiceRefused
from trading.services.wallet import check_wallet, plan_approvals
from trading.services.wallet_place import relayer_key
from trading.wallets.relayer_api import RelayerKey

pytestmark = pytest.mark.django_db


def test_an_account_that_is_not_there_is_refused(db):
    with pytest.raises(ServiceRefused, match="no account"):
        check_wallet("main", by_name="test")
    with pytest.raises(ServiceRefused, match="no account"):
        plan_approvals("main", by_name="test", say=print)


LINE = {
    "id": "region",
    "title": "Region",
    "seen": "<script>alert(1)</script>, blocked",
    "needed": "not blocked",
    "why": "The venue says so.",
    "next_step": "Trade from elsewhere.",
    "status": "failed",
}


@pytest.fixture
def stored(mandate, noon):
    return WalletCheck.objects.create(
        account="main",
        at=noon,
        kind="DEPOSIT",
        funder=VENUE.contracts.pusd,
        phase=1,
        feed="simulator",
        ok=False,
        lines=[LINE],
        by_name="shell:test",
    )


class TestThePage:
    def test_the_link_leads_to_the_last_check(self, client, viewer, stored):
        client.force_login(viewer)

        page = client.get("/admin/trading/walletcheck/newest/", follow=True)

        html = page.content.decode()
        assert page.status_code == 200
        for text in ("Seen: ", "blocked", "Needed: not blocked", "Next: Trade from elsewhere."):
            assert text in html
        assert "manage.py wallet_approve" in html
        assert "<script>alert(1)" not in html

    def test_before_the_first_check_it_offers_one(self, client, viewer, mandate):
        client.force_login(viewer)

        page = client.get("/admin/trading/walletcheck/newest/", follow=True)

        assert "has not been checked yet" in page.content.decode()
        assert "/admin/trading/walletcheck/check/" in page.content.decode()

    def test_nobody_without_a_role_sees_it(self, client, nobody, stored):
        client.force_login(nobody)

        page = client.get(f"/admin/trading/walletcheck/{stored.pk}/change/", follow=True)

        assert VENUE.contracts.pusd not in page.content.decode()


class TestTheRelayersKey:
    @pytest.fixture
    def file(self, settings, tmp_path):
        settings.RELAYER_KEY_FILE = tmp_path / "relayer.json"
        return settings.RELAYER_KEY_FILE

    def test_is_none_without_a_file(self, file):
        assert relayer_key() is None

    def test_is_read_from_a_file_of_the_owner(self, file):
        file.write_text('{"key": "k-1", "address": "0xAA"}')
        file.chmod(0o600)

        assert relayer_key() == RelayerKey(key="k-1", address="0xAA")

    def test_that_others_can_read_is_refused(self, file):
        file.write_text('{"key": "k-1", "address": "0xAA"}')
        file.chmod(0o640)

        with pytest.raises(ServiceRefused, match="can be read by others; run: chmod 600"):
            relayer_key()

    @pytest.mark.parametrize("text", ["k-secret", '{"key": "k-secret"}', '["k-secret"]'])
    def test_that_is_no_key_is_refused_and_not_repeated(self, file, text):
        file.write_text(text)
        file.chmod(0o600)

        with pytest.raises(ServiceRefused, match="is not a relayer key") as told:
            relayer_key()

        assert "k-secret" not in str(told.value)


class TestTheApi:
    def test_the_answer_is_the_described_one(self, viewer, stored):
        response = Caller(viewer).get("/api/wallet")

        assert undescribed("/api/wallet", "GET", response) == []

    def test_tells_the_last_check(self, client, viewer, stored):
        client.force_login(viewer)

        told = client.get("/api/wallet").json()

        assert (told["ok"], told["reason"], told["lines"]) == (False, None, [LINE])
        assert told["funder"] == VENUE.contracts.pusd

    def test_before_the_first_it_is_null_with_a_reason(self, client, viewer):
        client.force_login(viewer)

        told = client.get("/api/wallet").json()

        assert told["ok"] is None
        assert "/api/wallet/check" in told["reason"]

    def test_asks_for_an_account(self, client, stored):
        assert client.get("/api/wallet").status_code == 401
