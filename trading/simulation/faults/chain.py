"""What goes wrong on the way to the chain: merges that revert, answers that are lost, an RPC that
lies or is down.
"""

from trading.execution.requests import CallFailed, FailureKind, SendExit
from trading.simulation.faults.registry import fault
from trading.simulation.faults.venue import CallFault
from trading.simulation.seams import CallPlan, Fate, Fault, WindowFault


@fault
class RevertedMerge(Fault):
    """Merges fail on the chain now and then."""

    kind = "merge_reverted"

    def reverts(self, wanted: SendExit) -> bool:  # noqa: ARG002
        """Let one in four revert."""
        if self.world.resting or self.chance.randrange(4):
            return False
        self.happened()
        return True


@fault
class MergeAnswerLost(CallFault):
    """A merge is handed over and nobody says whether it was taken: it was."""

    kind = "merge_answer_lost_done"
    names = ("submit",)
    one_in = (2, 6)
    plan = CallPlan(fate=Fate.ANSWER_LOST)


@fault
class MergeLost(CallFault):
    """A merge is handed over and nobody says whether it was taken: it was not."""

    kind = "merge_answer_lost_not_done"
    names = ("submit",)
    one_in = (2, 6)


@fault
class RelayerSilent(CallFault):
    """The relayer does not say how far a merge is."""

    kind = "relayer_silent"
    names = ("progress", "nonce")
    one_in = (2, 6)


@fault
class RpcDown(WindowFault):
    """The RPC does not answer."""

    kind = "rpc_down"
    lasts_ms = (2_000, 20_000)

    def balances(self, held: dict[str, int]) -> CallFailed | None:  # noqa: ARG002
        """Fail while it is down."""
        if not self.active:
            return None
        self.happened()
        return CallFailed(kind=FailureKind.UNKNOWN, text="no RPC endpoint answers")


@fault
class RpcLies(WindowFault):
    """The RPC is behind: it says what was held some time ago, as if it were now."""

    kind = "rpc_lies"
    lasts_ms = (1_000, 10_000)

    def started(self) -> None:
        """From here on nothing changes in its view."""
        self._held = dict(self.world.venue.account.chain)

    def balances(self, held: dict[str, int]) -> dict[str, int] | None:
        """Say what was held when it fell behind."""
        if not self.active:
            return None
        old = {asset: self._held.get(asset, 0) for asset in held}
        if old != held:
            self.happened()
        return old

    def lies(self) -> bool:
        """Whoever compares with this compares with the past."""
        return self.active
