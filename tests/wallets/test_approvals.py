"""Which approvals are needed, and what is changed so that there are no others."""

import pytest

from trading.engine.units import MICRO
from trading.wallets.approvals import (
    ALLOWANCES_MICRO,
    Approval,
    Asset,
    ChangeReason,
    Spenders,
    UnknownPhaseError,
    approval_changes,
    is_unlimited,
    needed_approvals,
)

SPENDERS = Spenders(
    exchange="0xE1",
    collateral_adapter="0xA1",
    neg_risk_exchange="0xE2",
    neg_risk_collateral_adapter="0xA2",
)
DEAD = "0xDEAD"
UNLIMITED = 2**256 - 1


def needed(phase=1, *, standard=True, neg_risk=False, spenders=SPENDERS):
    return needed_approvals(phase=phase, standard=standard, neg_risk=neg_risk, spenders=spenders)


def money(spender, micro):
    return Approval(asset=Asset.COLLATERAL, spender=spender, name=spender, micro=micro)


def shares(spender, micro):
    return Approval(asset=Asset.SHARES, spender=spender, name=spender, micro=micro)


def seen(exchange_micro=0, exchange_shares=0, adapter_shares=0, *more):
    return (
        money("0xE1", exchange_micro),
        shares("0xE1", exchange_shares),
        shares("0xA1", adapter_shares),
        *more,
    )


def changes(seen, phase=1, **options):
    found = approval_changes(needed(phase), seen, never_approve=(DEAD,), **options)
    return [(one.reason, one.after.asset, one.after.spender, one.after.micro) for one in found]


class TestWhatIsNeeded:
    def test_shadow_needs_nothing(self):
        assert needed(0) == ()

    @pytest.mark.parametrize(("phase", "dollars"), [(1, 20), (2, 50), (3, 200)])
    def test_the_exchange_may_take_what_the_phase_allows(self, phase, dollars):
        told = [
            (one.approval.asset, one.approval.spender, one.approval.micro) for one in needed(phase)
        ]

        assert told == [
            (Asset.COLLATERAL, "0xE1", dollars * MICRO),
            (Asset.SHARES, "0xE1", 1),
            (Asset.SHARES, "0xA1", 1),
        ]

    def test_no_adapter_may_take_collateral_because_nothing_is_split(self):
        found = needed(neg_risk=True)

        spenders = {one.approval.spender for one in found if one.approval.asset is Asset.COLLATERAL}
        assert spenders == {"0xE1", "0xE2"}

    def test_neg_risk_only_when_it_is_enabled(self):
        assert {one.approval.spender for one in needed(neg_risk=True)} == {
            "0xE1",
            "0xA1",
            "0xE2",
            "0xA2",
        }
        assert {one.approval.spender for one in needed(neg_risk=False)} == {"0xE1", "0xA1"}

    def test_nothing_when_no_strategy_is_enabled(self):
        assert needed(standard=False) == ()

    def test_a_venue_without_neg_risk_contracts_needs_none_of_them(self):
        only = Spenders(exchange="0xE1", collateral_adapter="0xA1")

        assert len(needed(neg_risk=True, spenders=only)) == 3

    def test_an_unknown_phase_is_refused(self):
        with pytest.raises(UnknownPhaseError, match="phase: 4 has no allowance"):
            needed(4)

    def test_none_is_ever_unlimited(self):
        for phase in ALLOWANCES_MICRO:
            assert not any(is_unlimited(one.approval) for one in needed(phase, neg_risk=True))


class TestWhatIsChanged:
    def test_a_fresh_wallet_gets_exactly_what_it_needs(self):
        assert changes(seen()) == [
            (ChangeReason.MISSING, Asset.COLLATERAL, "0xE1", 20 * MICRO),
            (ChangeReason.MISSING, Asset.SHARES, "0xE1", 1),
            (ChangeReason.MISSING, Asset.SHARES, "0xA1", 1),
        ]

    def test_a_wallet_that_has_them_is_left_alone(self):
        assert changes(seen(20 * MICRO, 1, 1)) == []

    def test_what_was_used_up_is_renewed_to_the_exact_amount(self):
        assert changes(seen(3 * MICRO, 1, 1)) == [
            (ChangeReason.TOO_LITTLE, Asset.COLLATERAL, "0xE1", 20 * MICRO)
        ]

    def test_an_unlimited_one_is_cut_to_the_exact_amount(self):
        assert changes(seen(UNLIMITED, 1, 1)) == [
            (ChangeReason.TOO_MUCH, Asset.COLLATERAL, "0xE1", 20 * MICRO)
        ]

    def test_one_that_nothing_needs_is_taken_back(self):
        found = changes(seen(20 * MICRO, 1, 1, money("0xA1", 5), shares("0xE2", 1)))

        assert found == [
            (ChangeReason.NOT_NEEDED, Asset.COLLATERAL, "0xA1", 0),
            (ChangeReason.NOT_NEEDED, Asset.SHARES, "0xE2", 0),
        ]

    def test_a_forbidden_one_is_taken_back_and_named_so(self):
        found = changes(seen(20 * MICRO, 1, 1, money(DEAD.lower(), UNLIMITED), shares(DEAD, 1)))

        assert found == [
            (ChangeReason.FORBIDDEN, Asset.COLLATERAL, DEAD.lower(), 0),
            (ChangeReason.FORBIDDEN, Asset.SHARES, DEAD, 0),
        ]

    def test_revocations_come_before_grants(self):
        found = changes(seen(0, 0, 1, money(DEAD, UNLIMITED)))

        assert [one[0] for one in found] == [
            ChangeReason.FORBIDDEN,
            ChangeReason.MISSING,
            ChangeReason.MISSING,
        ]

    def test_going_down_to_shadow_takes_everything_back(self):
        assert {one[0] for one in changes(seen(20 * MICRO, 1, 1), phase=0)} == {
            ChangeReason.NOT_NEEDED
        }

    def test_revoking_all_takes_back_what_is_needed_too(self):
        found = changes(seen(20 * MICRO, 1, 0), revoke_all=True)

        assert [(asset, micro) for _, asset, _, micro in found] == [
            (Asset.COLLATERAL, 0),
            (Asset.SHARES, 0),
        ]

    def test_an_approval_that_was_not_looked_at_is_not_taken_for_zero(self):
        with pytest.raises(ValueError, match="collateral_adapter: its shares was not looked at"):
            changes(seen()[:2])

    def test_a_needed_one_that_is_forbidden_is_refused(self):
        with pytest.raises(ValueError, match="exchange: is under never_approve"):
            approval_changes(needed(), seen(), never_approve=("0xe1",))


@pytest.mark.parametrize(("micro", "unlimited"), [(200_000 * MICRO, False), (UNLIMITED, True)])
def test_unlimited_is_far_above_every_phase(micro, unlimited):
    assert is_unlimited(money("0xE1", micro)) is unlimited
