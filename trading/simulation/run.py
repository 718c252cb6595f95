"""One seed from its scenario to its result."""

from dataclasses import dataclass, field

from trading.simulation.faults import REGISTRY
from trading.simulation.invariants import Violation
from trading.simulation.ledger import LedgerFault
from trading.simulation.scenario import Scenario, draw
from trading.simulation.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What became of one run. `violation` is empty when everything held; `steps` are its last."""

    seed: int
    orders: int
    merges: int
    kills: int
    faults: dict[str, int] = field(default_factory=dict)
    violation: str = ""
    steps: tuple[str, ...] = ()
    digest: str = ""


def run_seed(seed: int) -> RunResult:
    """Run what a seed draws."""
    return run_scenario(draw(seed, tuple(sorted(REGISTRY))))


def run_scenario(scenario: Scenario) -> RunResult:
    """Run a scenario until it has come to rest, or to its first violation."""
    world = World(scenario)
    violation = ""
    try:
        world.run()
    except (Violation, LedgerFault) as found:
        violation = str(found)
        world.log.add("VIOLATION", violation)
    except Exception as error:  # noqa: BLE001 - whatever our code raises is what is looked for
        violation = f"crashed: {type(error).__name__}: {error}"
        world.log.add("VIOLATION", violation)
    return RunResult(
        seed=scenario.seed,
        orders=world.orders,
        merges=world.merges,
        kills=world.kills,
        faults=dict(sorted(world.fault_counts.items())),
        violation=violation,
        steps=tuple(world.log.last()),
        digest=world.log.digest(),
    )
