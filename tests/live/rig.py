"""A live session of the real engine on a real local venue, with a real signer, in one process."""

import time
from contextlib import contextmanager
from dataclasses import replace

from django.db import connection
from django.db.models import Sum

from polyarb_site.clock import SystemClock
from polyarb_site.yaml_files import read_yaml
from tests.helpers.evm import VENUE
from tests.helpers.installation import ROOT, wait_for
from tests.helpers.shifts import QUICK, shift
from tests.simulator.official import ANN_KEY
from trading.engine.legs import SET_ENDS
from trading.execution.settings import DeskSettings
from trading.feeds import feed_factory
from trading.live_ports import live_ports
from trading.models import (
    ArbitrageSet,
    EngineSession,
    LedgerPosting,
    Opportunity,
    Order,
    ReconciliationRun,
    SetMove,
)
from trading.signer.key import SigningKey
from trading.signer.policy_file import policy_from
from trading.simulator.codes import COLLATERAL

DESK = DeskSettings(
    look_again_ms=100,
    look_again_ms_max=300,
    fills_after_ms=200,
    settling_look_ms=400,
    blind_look_ms=200,
    absent_after_ms=1_200,
    heartbeat_every_ms=400,
    heartbeat_lost_ms=2_000,
    balance_every_ms=2_000,
    cancel_again_ms=100,
    exit_look_ms=100,
    mode_again_ms=600,
    mode_again_ms_max=600,
    rate_limit_ms=200,
)
# The venue lets its view of balances be read anew five times a second; we ask half as often.
TIMES = replace(QUICK, desk=DESK, reconcile_ms=3_000)
COMPARING = replace(TIMES, reconcile_ms=700)
KEY = ANN_KEY


def rules(wallet, owner, *, signature_type=3):
    """Return the policy of config/signer.play.yaml for a wallet."""
    bounds = dict(read_yaml(ROOT / "config" / "signer.play.yaml"))
    bounds |= {"owner": owner, "maker": wallet, "signature_type": signature_type}
    return policy_from(bounds, VENUE)


def address_of(key):
    return SigningKey.from_text(key).address


class Rig:
    """One venue, one signer, and the shifts of one account that trade there."""

    def __init__(self, venue, signer, *, owner, wallet):
        self.venue = venue
        self.signer = signer
        self.owner = owner
        self.wallet = wallet
        self.ports = None  # of the newest session

    @contextmanager
    def trading(self, *, times=TIMES, wait=True, observers=()):
        """Run a shift; wait until it may open sets."""
        clock = SystemClock()
        make = live_ports(clock)

        def ports(account, feed):
            self.ports = make(account, feed)
            return self.ports

        with shift(
            feed_factory=feed_factory(clock), live_ports=ports, times=times, observers=observers
        ) as one:
            if wait:
                self.ready()
            yield one

    def ready(self, seconds=15):
        """Wait until nothing stands against new sets, and both books of each market are known."""

        def look():
            side = self._side()
            loop = side and side._loop
            if not loop or side.desk.access.problem or not loop.may_trade:
                return False
            board = loop._parts.engine.board
            books = [book for watch in board.watches.values() for book in watch.books]
            known = all(book.best_bid and not book.invalid_reason for book in books)
            return bool(books and known and not any(one.stale for one in board.watches.values()))

        try:
            wait_for(look, seconds, "a session that may trade")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.story()}") from None

    def _side(self):
        """Return the live side of the newest session, None before it has one."""
        handed_over = self.ports._handed_over if self.ports is not None else None
        return handed_over and handed_over.__self__

    def state(self):
        """Return the newest session's state, and what stands against new orders."""
        row = EngineSession.objects.order_by("-token").first()
        side = self._side()
        if row is None or side is None:
            return "", "no session"
        return row.state, side.desk.access.problem or ""

    def ended(self, *states, sets=1, seconds=10):
        """Wait until so many sets are in one of these states; return the last moved one."""
        states = states or ("MERGED",)

        def look():
            rows = ArbitrageSet.objects.filter(state__in=states).order_by("-moved_at")
            return rows[0] if len(rows) >= sets else None

        try:
            return wait_for(look, seconds, f"a set that is {states}")[0]
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.story()}") from None

    def rests(self, seconds=20, calm_s=0.5):
        """Wait until every set has ended, and no other one has begun for a while."""
        rows = ArbitrageSet.objects.exclude(state__in=[str(state) for state in SET_ENDS])
        seen = [0, time.monotonic()]  # how many sets there were, and since when

        def look():
            count = ArbitrageSet.objects.count()
            if count != seen[0] or rows.exists():
                seen[:] = count, time.monotonic()
            return time.monotonic() - seen[1] >= calm_s

        wait_for(look, seconds, "the end of every set")

    def refused(self, *codes, times=1, seconds=5):
        """Wait until gaps were not taken for one of these reasons; without any, for whatever."""
        rows = Opportunity.objects.exclude(refusal="")
        rows = rows.filter(refusal__in=codes) if codes else rows
        try:
            wait_for(lambda: rows.count() >= times, seconds, f"a gap that is refused as {codes}")
        except AssertionError as error:
            seen = list(Opportunity.objects.values_list("stage", "refusal"))
            raise AssertionError(f"{error}; {seen}, {self.state()}") from None

    def refused_now(self, code):
        """Offer a gap once this stands against new sets; wait until it is not taken for it."""
        wait_for(lambda: self.state()[1] == code, 5, f"a session that knows of {code}")
        self.venue.gap()
        self.refused(code)
        self.venue.no_gap()

    def story(self):
        """Return how every set went, for a failure's message."""
        moves = SetMove.objects.order_by("set_id", "sequence")
        return (
            [f"{one.set_id} {one.state_to}: {one.reason}" for one in moves],
            [(one.order_id, one.state, one.reason) for one in Order.objects.all()],
            list(Opportunity.objects.values_list("stage", "refusal")),
            self.state(),
        )

    def moves(self, one):
        """Return the states that a set went through."""
        rows = SetMove.objects.filter(set_id=one.set_id).order_by("sequence")
        return list(rows.values_list("state_to", flat=True))

    # Whether the books agree

    def ledger(self):
        """Return what the ledger says that the wallet has, by asset, without zeros.

        Gas counts in dollars and is paid in the chain's own coin: that much more is there.
        """
        rows = LedgerPosting.objects.order_by().values("account", "token_id")
        rows = rows.annotate(amount=Sum("amount_micro"), shares=Sum("quantity_micro"))
        held = {COLLATERAL: gas_micro()}
        for row in rows:
            if row["account"] in ("CASH", "RESERVED"):
                held[COLLATERAL] += row["amount"]
            elif row["account"] in ("YES", "NO"):
                held[row["token_id"]] = row["shares"]
        return {asset: amount for asset, amount in held.items() if amount}

    def agree(self, seconds=5):
        """Wait until ledger and chain say the same of every asset, and the venue sees it too."""

        def same():
            return self.ledger() == self.venue.holds(self.wallet) == self.seen()

        try:
            wait_for(same, seconds, "agreement")
        except AssertionError:
            assert self.ledger() == self.venue.holds(self.wallet) == self.seen(), self.story()

    def seen(self):
        """Return what the venue believes that the wallet has."""
        venue = self.venue

        def look(_now_ms):
            account = venue.venue.exchange.chain.accounts[self.wallet]
            for asset in (COLLATERAL, *venue.listing.token_ids):
                venue.venue.exchange.refresh_view(self.wallet, asset)
            return {asset: amount for asset, amount in account.view.items() if amount}

        return venue.do(look)

    def compared(self, verdict="MATCH", seconds=10, after=0):
        """Wait for a comparison of ledger, venue and chain that came after another one."""
        rows = ReconciliationRun.objects.filter(pk__gt=after, verdict=verdict)
        return wait_for(rows.order_by("-pk").first, seconds, f"a comparison: {verdict}")[0]

    def newest_run(self):
        row = ReconciliationRun.objects.order_by("-pk").first()
        return row.pk if row is not None else 0


def gas_micro():
    """Return what was paid for gas: the account is passed through, debits are what was paid."""
    paid = LedgerPosting.objects.filter(account="GAS", amount_micro__gt=0)
    return paid.aggregate(sum=Sum("amount_micro"))["sum"] or 0


def hashes_in_the_database():
    """Return all hashes that are kept; called from any thread."""
    try:
        return frozenset(Order.objects.exclude(order_hash="").values_list("order_hash", flat=True))
    finally:
        connection.close()
