"""How near a value is to the bound that it must not reach, as a share of the way."""

FULL = 1_000
ONE_MICRO = 1_000_000


def nearness_permille(
    value_micro: int, bound_micro: int, comparison: str, *, share: bool = False
) -> int | None:
    """Return 0 for far away up to 1000 for at the bound or beyond; None where no share says it.

    `comparison` is the one that ends the phase when it is true: above and at_least are
    neared from below, from zero on, below and at_most from above: a `share` of something from all
    of it on, anything else by how often the bound goes into it. Rounded up: never show more
    distance than there is.
    """
    if comparison in ("above", "at_least"):
        part, whole = value_micro, bound_micro
    elif comparison in ("below", "at_most"):
        part, whole = bound_micro, value_micro
        if share:
            part, whole = ONE_MICRO - value_micro, ONE_MICRO - bound_micro
    else:
        return None
    if whole <= 0:
        if part == whole and comparison in ("above", "below"):
            return 0  # more than none ends it, and there is none
        return FULL if part >= whole else None
    return max(0, min(FULL, -(-part * FULL // whole)))
