"""The checks of key and wallet against a real signer and the real local venue."""

import pytest

from checks.catalogue import security_wallet, system
from checks.catalogue.base import Status
from tests.checks.s2a_building import scene
from tests.conftest import make_profile
from tests.helpers.commands import run_command
from tests.signer.conftest import short_dir as short_dir  # noqa: PLC0414
from tests.wallets.real_place import enter as enter  # noqa: PLC0414
from tests.wallets.real_place import on_books as on_books  # noqa: PLC0414

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def answers():
    """Return how each check of the wallet comes out for phase 1 on the local venue."""
    asked = scene(phase=1, venue="simulator")
    seen = {check.id: check.look(asked) for check in security_wallet.CHECKS}
    return {**seen, "system.chain_id": system.chain(asked)}


def test_all_pass_when_all_is_ready_and_a_closed_account_fails(enter, on_books):
    _, door = enter(on_books)
    make_profile("live_safe_atomic_v1")
    run_command("wallet_approve", "--yes")

    ready = answers()
    assert {one.status for one in ready.values()} == {Status.PASS}, ready

    door.answers["/auth/ban-status/closed-only"] = {"closed_only": True}
    closed = answers()
    assert closed["security.account_may_trade"].status is Status.FAIL
    assert closed["security.key_signs"].status is Status.PASS
