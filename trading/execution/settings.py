"""Every duration and bound of live execution, in milliseconds where nothing else is said."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """The defaults fit the venue as it is known (polymarket.md sections 4, 5 and 8)."""

    look_again_ms: int = 500  # after a look-up of an unknown order that brought nothing
    look_again_ms_max: int = 5_000
    fills_after_ms: int = 1_000  # a match whose fills the user channel did not tell
    settling_look_ms: int = 10_000  # how often settlement is asked for beside the user channel
    blind_look_ms: int = 2_000  # the same while the user channel is down
    look_within_ms: int = 60_000  # then a look-up that is not answered is forgotten
    # An order counts as never arrived only after this many complete look-ups without it, and not
    # before everything that may still carry it has had its time: the request's time-out, the
    # longest taker delay of the venue, and a margin.
    absent_reads_min: int = 3
    absent_after_ms: int = 20_000
    restored_back_ms: int = 86_400_000  # how far back orders of an earlier session are looked for
    clock_skew_s: int = 60  # between the venue's clock and ours, for questions by time
    heartbeat_every_ms: int = 5_000
    heartbeat_lost_ms: int = 10_000  # the venue cancels everything then
    balance_every_ms: int = 10_000
    balance_again_ms: int = 2_000  # after a question that brought nothing
    cancel_again_ms: int = 500
    cancel_again_ms_max: int = 5_000
    exit_look_ms: int = 2_000
    exit_look_ms_max: int = 30_000
    mode_again_ms: int = 10_000  # until a venue that refused orders is tried again
    mode_again_ms_max: int = 300_000
    rate_limit_ms: int = 1_000  # when a 429 does not say for how long
    ended_kept_max: int = 10_000  # orders that are over, of which late news is still recognised


def backoff_ms(first_ms: int, last_ms: int, tries: int) -> int:
    """Return how long to wait after so many tries: doubling, with an upper end."""
    return min(first_ms << min(tries, 20), last_ms)
