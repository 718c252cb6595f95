"""Every kind of fault that a run may draw."""

from trading.simulation.seams import Fault

REGISTRY: dict[str, type[Fault]] = {}


def fault(kind: type[Fault]) -> type[Fault]:
    """Enter a fault; raises ValueError for a kind that is there already or has no name."""
    if not kind.kind or kind.kind in REGISTRY:
        raise ValueError(f"{kind.__name__} needs a kind of its own, not {kind.kind!r}")
    REGISTRY[kind.kind] = kind
    return kind
