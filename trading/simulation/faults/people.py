"""What people do while the engine trades, and what the machine under it does."""

from dataclasses import replace

from trading.engine.units import MICRO
from trading.simulation.clockwork import MS_NS, SECOND_NS
from trading.simulation.faults.registry import fault
from trading.simulation.seams import Fault, WindowFault


@fault
class KillFile(WindowFault):
    """Somebody puts the kill file there, and takes it away again."""

    kind = "kill_file"
    lasts_ms = (200, 8_000)

    def started(self) -> None:
        """Put it there."""
        self.happened()
        self.world.kill_file = True

    def ended(self) -> None:
        """Take it away."""
        self.world.kill_file = False


@fault
class HaltedByMandate(Fault):
    """Somebody halts trading; later somebody resumes it."""

    kind = "mandate_halted"

    def begin(self) -> None:
        """Plan one to three such moments."""
        for _ in range(self.chance.randint(1, 3)):
            self.world.clock.later(self.moment_ns(), self._halt)

    def _halt(self) -> None:
        self.happened()
        self.world.halt("HALTED", "somebody")


@fault
class LimitsChanged(Fault):
    """Another revision of the profile comes into force, with other limits."""

    kind = "limits_changed"

    def begin(self) -> None:
        """Plan one to four such moments."""
        for _ in range(self.chance.randint(1, 4)):
            self.world.clock.later(self.moment_ns(), self._change)

    def _change(self) -> None:
        self.happened()
        chance = self.chance
        limits = self.world.scenario.limits
        self.world.change_limits(
            replace(
                limits,
                trade_size_micro=chance.randint(6, 12) * MICRO,
                position_max_micro=chance.randint(12, 60) * MICRO,
                leg_loss_max_micro=chance.randint(0, 3) * MICRO,
            )
        )


@fault
class SlowDatabase(WindowFault):
    """The database takes long to commit, now and then longer than anybody waits."""

    kind = "database_slow"
    lasts_ms = (1_000, 10_000)

    def commit_ns(self) -> int:
        """Take up to eight seconds more."""
        if not self.active:
            return 0
        self.happened()
        return self.chance.randint(50, 8_000) * MS_NS


@fault
class ClockJumped(WindowFault):
    """The host's clock is set wrong, and set right again later."""

    kind = "clock_jumped"
    lasts_ms = (500, 60_000)

    def started(self) -> None:
        """Set it wrong, forward or back."""
        self.happened()
        by_s = self.chance.choice((-600, -30, -2, 2, 30, 600))
        self.world.wall_offset_ns = by_s * SECOND_NS

    def ended(self) -> None:
        """Set it right."""
        self.world.wall_offset_ns = 0


@fault
class SignerDown(WindowFault):
    """The signer does not answer."""

    kind = "signer_down"
    lasts_ms = (500, 8_000)

    def signer(self) -> str | None:
        """Say why."""
        if not self.active:
            return None
        self.happened()
        return "the signer's socket is gone"
