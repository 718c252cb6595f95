"""The moments of a set's life at which a process is killed, and how each of them is caught.

Most last some milliseconds. A fault of the venue or a frozen process stretches those that would be
too short; nothing else about them is made up. `arm` prepares, `reached` says whether the moment has
come, `free` takes back what was prepared, after the kill.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import psutil

from tests.helpers.installation import wait_for

SLOW_MS = 6_000
FROZEN_S, THAWED_S = 1.2, 0.2  # an engine misses a signer that is silent for two seconds


@dataclass
class Watch:
    """One wait for a moment."""

    live: object
    books: object
    after: int = 0  # the last move of a set before it
    set_id: str = ""
    frozen: list[int] = field(default_factory=list)
    signer: int = 0  # its process id, and how long it had run
    ran_ns: int = 0
    turn_s: float = 0.0  # when the signer is frozen or thawed next

    def moved(self, state):
        found = self.live.moved(state, self.after)
        if found is not None:
            self.set_id = found[1]
        return found is not None

    def trades(self):
        """Return the states of the trades of the newest set."""
        self.set_id = self.live.newest_set()
        rows = self.live.ask(f"SELECT state FROM trading_trade WHERE set_id = '{self.set_id}'")
        return [state for (state,) in rows]

    def freeze(self, process):
        self.frozen.append(self.live.freeze(process))

    def thaw(self):
        """Let everything that is frozen go on, unless it was killed."""
        for pid in self.frozen:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGCONT)
        self.frozen.clear()

    def signer_by_turns(self):
        """Freeze the signer most of the time; say whether it is frozen now."""
        now_s = time.monotonic()
        if now_s >= self.turn_s:
            if self.frozen:
                self.thaw()
                self.turn_s = now_s + THAWED_S
            else:
                self.freeze("signer")
                self.turn_s = now_s + FROZEN_S
        return bool(self.frozen)


@dataclass(frozen=True)
class Point:
    """A named moment. `arm` and `free` do nothing where nothing has to be stretched."""

    name: str
    reached: Callable[[Watch], bool]
    arm: Callable[[Watch], None] = lambda watch: None


POINTS: dict[str, Point] = {}


def point(name, arm=None):
    def register(reached):
        POINTS[name] = Point(name, reached, arm or (lambda watch: None))
        return reached

    return register


def _ran_ns(watch):
    """Return how long the signer has had a core; it works only when something is to be signed."""
    return int(Path(f"/proc/{watch.signer}/schedstat").read_text().split()[0])


def _fault(kind, **said):
    return lambda watch: watch.live.fault(kind, **said)


# From the intent to the match


@point("intent_committed")
def intent_committed(watch):
    """The hashes are in the database and nobody has signed: the signer is frozen."""
    return watch.signer_by_turns() and _waits_for_answers(watch)


def _waits_for_answers(watch):
    rows = watch.live.ask(
        "SELECT set_id FROM trading_arbitrageset WHERE state IN ('INTENT', 'SUBMITTED')"
        " AND set_id IN (SELECT set_id FROM trading_order WHERE order_hash <> '')"
        f" AND set_id IN (SELECT set_id FROM trading_setmove WHERE id > {watch.after})"
    )
    return bool(rows)


def _note_signer(watch):
    watch.signer = watch.live.pid_of("signer")
    watch.ran_ns = _ran_ns(watch)


@point("signed_before_post", arm=_note_signer)
def signed_before_post(watch):
    """The signer has just worked: what it signed is not kept yet, so it cannot have left."""
    for _ in range(2_000):
        if _ran_ns(watch) != watch.ran_ns:
            return True
        time.sleep(0.0002)
    return False


@point("post_on_the_wire")
def post_on_the_wire(watch):
    """The orders were handed to the socket, and the frozen venue takes them after the death."""
    if not intent_committed(watch):
        return False
    venue = watch.live.freeze("venue")
    watch.thaw()  # the signer answers, and the engine posts
    watch.frozen.append(venue)
    time.sleep(0.2)
    return True


@point("post_lost", arm=_fault("request_lost", hangs=True))
def post_lost(watch):
    """The orders left, never arrive, and no answer comes."""
    return watch.live.faults_over()


@point("posted_no_answer", arm=_fault("answer_lost", hangs=True))
def posted_no_answer(watch):
    """The orders are matched at the venue, whose answer never comes."""
    return watch.live.faults_over()


# From the match to the merge


@point("one_leg_matched", arm=_fault("refuse_leg", leg_number=1))
def one_leg_matched(watch):
    """One leg was taken and the other refused."""
    return watch.moved("ONE_MATCHED")


@point("both_matched_unsettled", arm=_fault("slow_settlement", later_ms=SLOW_MS, count=2))
def both_matched_unsettled(watch):
    """Both legs are matched and nothing has moved on the chain."""
    states = watch.trades() if watch.moved("SETTLING") else []
    return len(states) >= 2 and set(states) == {"MATCHED"}


@point("settling")
def settling(watch):
    """A trade is mined and not all are confirmed."""
    states = watch.trades() if watch.moved("SETTLING") else []
    return "MINED" in states and "FAILED" not in states


# From the merge to the end


@point("settled_before_merge")
def settled_before_merge(watch):
    """The merge is decided and written down, and not signed: the signer is frozen."""
    if not watch.signer_by_turns() or not watch.moved("MERGING"):
        return False
    told = watch.live.ask(
        f"SELECT reason FROM trading_setmove WHERE set_id = '{watch.set_id}'"
        " AND state_from = 'MERGING'"
    )
    if told:
        watch.after = watch.live.last_move()  # this one was quicker: the next one
    return not told


@point("merge_handed_over", arm=_fault("answer_lost", hangs=True, path="/submit"))
def merge_handed_over(watch):
    """The relayer has taken the merge, and its answer never comes."""
    return watch.live.faults_over()


@point("merge_lost", arm=_fault("request_lost", hangs=True, path="/submit"))
def merge_lost(watch):
    """The merge left, never arrives, and no answer comes."""
    return watch.live.faults_over()


@point("merge_done_unrecorded")
def merge_done_unrecorded(watch):
    """The shares have left the wallet on the chain, and the ledger does not know it."""
    if not watch.moved("MERGING"):
        return False
    tokens = watch.live.ask(
        f"SELECT DISTINCT token_id FROM trading_order WHERE set_id = '{watch.set_id}'"
    )
    _, held = watch.books.chain()
    return not any(token in held for (token,) in tokens)


@point("completing", arm=_fault("refuse_leg", leg_number=0))
def completing(watch):
    """The missing leg is bought, or the one that is held is sold."""
    return watch.moved("COMPLETING") or watch.moved("UNWINDING")


# What is killed when: the engine at all of them, the others where they have a part in it. They take
# turns: who dies again within a minute is started ever more slowly, and that is not what is asked.
_OTHERS = [
    ("signer", "intent_committed"),
    ("venue", "post_on_the_wire"),
    ("venue", "posted_no_answer"),
    ("signer", "both_matched_unsettled"),
    ("venue", "one_leg_matched"),
    ("venue", "settling"),
    ("signer", "settled_before_merge"),
    ("venue", "merge_handed_over"),
    ("venue", "merge_done_unrecorded"),
]
MATRIX = [
    kill
    for pair in zip_longest([("engine", name) for name in POINTS], _OTHERS)
    for kill in pair
    if kill is not None
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one kill. Seconds from the kill."""

    process: str
    point: str
    armed_s: float
    trading_s: float
    next_set_s: float
    set_id: str


def kill_at(live, books, process, name, *, seconds=120):
    """Kill a process at a point, wait until new sets are opened again, and say how long it took."""
    one = POINTS[name]
    watch = Watch(live, books, after=live.last_move())
    began = time.monotonic()
    one.arm(watch)
    try:
        wait_for(lambda: one.reached(watch), seconds, f"the point {name}")
        killed_s = live.kill(process)
    finally:
        watch.thaw()
    armed_s = time.monotonic() - began
    live.end_faults()
    trading_s = live.trading_again(process, killed_s) - killed_s
    return Outcome(
        process=process,
        point=name,
        armed_s=armed_s,
        trading_s=trading_s,
        next_set_s=live.next_set(killed_s),
        set_id=watch.set_id or live.newest_set(),
    )
