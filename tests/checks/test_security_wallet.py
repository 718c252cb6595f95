"""Key and wallet: through signer, chain and venue, for the phase that is asked about."""

import tempfile

import pytest

from checks.catalogue import security_wallet
from checks.catalogue.base import Status
from tests.checks.s2a_building import scene, wallet_line
from tests.conftest import make_profile
from tests.signer.running import Signer
from trading.services import wallet_judging
from trading.services.refusals import ServiceRefused
from trading.signer.key import SigningKey

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"  # of nobody
ADDRESS = SigningKey.from_text(KEY).address

OK_LINES = [
    ("signer_terms", "this chain, exchange and wallet"),
    ("wallet", "0xabc"),
    ("approval:exchange:collateral", "$20"),
    ("approvals_other", "none"),
    ("collateral", "15 pUSD"),
    ("closed_only", "may trade"),
    ("region", "DE, not blocked"),
    ("rpc:a", "chain 137, block 7"),
    ("rpc_count", "2 of the right chain that answer"),
    ("chain", "block 7"),
]
WALLET_CHECKS = [
    ("security.key_matches_wallet", "signer_terms"),
    ("security.key_matches_wallet", "wallet"),
    ("security.allowances", "approval:exchange:collateral"),
    ("security.allowances", "approvals_other"),
    ("security.wallet_balance", "collateral"),
    ("security.account_may_trade", "closed_only"),
    ("security.region", "region"),
]


class TestTheWallet:
    @pytest.fixture(autouse=True)
    def safe_profile(self, mandate):
        return make_profile("live_safe_atomic_v1")

    @pytest.fixture
    def lines(self, monkeypatch):
        """The lines that a look returns; each test changes one."""
        given = {line_id: wallet_line(line_id, seen) for line_id, seen in OK_LINES}
        asked = []

        def judge(would, **_options):
            asked.append((would.phase, would.feed, str(would.profile)))
            return list(given.values())

        monkeypatch.setattr(security_wallet, "judge_wallet", judge)
        return given, asked

    def look(self, check_id, **options):
        check = next(one for one in security_wallet.CHECKS if one.id == check_id)
        return check.look(scene(phase=1, venue="polymarket", **options))

    @pytest.mark.parametrize("check_id", sorted({one for one, _ in WALLET_CHECKS}))
    def test_lines_that_are_ok_pass(self, lines, check_id):
        assert self.look(check_id).status is Status.PASS

    @pytest.mark.parametrize(("check_id", "line_id"), WALLET_CHECKS)
    @pytest.mark.parametrize(
        ("status", "answer"), [("failed", Status.FAIL), ("unknown", Status.UNKNOWN)]
    )
    def test_a_line_that_is_not_ok_does_not(self, lines, check_id, line_id, status, answer):
        lines[0][line_id] = wallet_line(line_id, "without limit", status)

        seen = self.look(check_id)

        assert seen.status is answer
        assert "without limit" in seen.reason
        assert seen.remedy == f"put {line_id} right"

    @pytest.mark.parametrize(("check_id", "line_id"), WALLET_CHECKS)
    def test_a_line_that_is_missing_is_unknown(self, lines, check_id, line_id):
        del lines[0][line_id]

        assert self.look(check_id).status is Status.UNKNOWN

    def test_c11_the_wallet_is_judged_for_the_phase_asked_about(self, lines, mandate):
        """Defect C11: balance and allowance checks upstream were `return True`."""
        assert mandate.phase == 0
        self.look("security.allowances")

        assert lines[1] == [(1, "polymarket", "live_safe_atomic_v1 r1")]

    def test_all_checks_of_a_run_share_one_look(self, lines):
        shared = scene(phase=1, venue="polymarket")
        for check in security_wallet.CHECKS[1:]:
            check.look(shared)

        assert len(lines[1]) == 1

    def test_a_look_that_is_refused_is_unknown_with_its_reason(self, monkeypatch):
        def refuse(*_arguments, **_options):
            raise ServiceRefused("NO_LOCAL_VENUE", "the local venue is gone", "start it")

        monkeypatch.setattr(security_wallet, "judge_wallet", refuse)

        seen = self.look("security.allowances")
        assert seen.status is Status.UNKNOWN
        assert "the local venue is gone" in seen.reason


class TestTheKeySigns:
    """Defect G3: upstream measured the key's length, wrongly, and called that a check."""

    @pytest.fixture(autouse=True)
    def safe_profile(self, mandate):
        return make_profile("live_safe_atomic_v1")

    def look(self):
        return security_wallet.key_signs(scene(phase=1, venue="polymarket"))

    def test_without_a_signer_it_fails(self, settings, tmp_path):
        settings.SIGNER_SOCKET = tmp_path / "none.sock"

        seen = self.look()

        assert seen.status is Status.FAIL
        assert "no signer answers" in seen.reason

    @pytest.mark.slow
    def test_g3_a_real_signer_signs_and_the_signature_is_of_its_key(self, settings):
        with tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp") as folder:
            signer = Signer(folder).start()
            settings.SIGNER_SOCKET = signer.socket
            try:
                seen = self.look()
            finally:
                signer.process.terminate()
                signer.process.wait(10)

        assert seen.status is Status.PASS, seen.reason
        assert seen.evidence["address"].startswith("0x")

    def test_a_signature_of_another_key_is_seen(self):
        digest = b"\7" * 32
        signature = f"0x{SigningKey.from_text(KEY).sign(digest).hex()}"

        assert wallet_judging._signed_by(signature, digest) == ADDRESS.lower()
        assert wallet_judging._signed_by(signature, b"\1" * 32) != ADDRESS.lower()
        assert wallet_judging._signed_by("0x12", digest) == ""
