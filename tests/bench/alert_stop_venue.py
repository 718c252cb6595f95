"""The local venue of alert_stop.py, in a process of its own: offers gaps, and tells of orders.

Says its port in one line. Then takes a word a line: offer, quiet, drop and open (the market
channel); each is answered by its own line of JSON, as is each batch of orders that arrives, with
the monotonic time of the machine. Ends when its input is closed.
"""

import json
import os
import select
import sys
import time
from pathlib import Path

MARKETS = 8  # a comparison of the books asks for each token, and may not ask often
GAP_EVERY_S = 0.12
LOOK_S = 0.02


def tell(what, **more):
    """Write one line."""
    sys.stdout.write(json.dumps({"what": what, **more}) + "\n")
    sys.stdout.flush()


def opens_a_set(body):
    """Return whether a batch is of several orders that all buy: that is how a set begins."""
    orders = json.loads(body)
    return len(orders) > 1 and {one["order"]["side"] for one in orders} == {"BUY"}


class Offers:
    """Gaps in one market after the other, while they are wanted."""

    def __init__(self, venue):
        self.wanted = False
        self._venue = venue
        self._made = 0
        self._next_s = 0.0

    def turn(self):
        """Make the next gap when it is time."""
        if self.wanted and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + GAP_EVERY_S
            self._venue.gap(market=self._made % MARKETS)
            self._made += 1
            if self._made == 1 or self.first:
                self.first = False
                tell("gap", ns=time.monotonic_ns())

    first = True


def obey(word, venue, offers):
    """Do what a line says."""
    if word in ("offer", "quiet"):
        offers.wanted = offers.first = word == "offer"
        if word == "quiet":
            venue.no_gap()
    elif word == "drop":
        tell("dropping", ns=time.monotonic_ns())
        venue.close_market_channel()
    elif word == "open":
        venue.open_market_channel()
    tell(word, ns=time.monotonic_ns())


def serve(venue):
    """Offer, obey and tell until the input ends."""
    offers, told = Offers(venue), 0
    while True:
        # Not by readline: of two lines at once it would keep the second one to itself.
        if select.select([0], [], [], LOOK_S)[0]:
            said = os.read(0, 1_000).decode()
            if not said:
                return
            for word in said.split():
                obey(word, venue, offers)
        offers.turn()
        asked = venue.asked
        for one in asked[told:]:
            if (one.method, one.path) == ("POST", "/orders"):
                tell("batch", ns=one.at_ns, entry=opens_a_set(one.body), status=one.status)
        told = len(asked)


def main():
    """Serve until told to end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    from tests.live.venue import OpenVenue
    from trading.simulator.relaying import RelaySettings

    # So slow that several merges go into a batch: the relayer takes 25 of them a minute.
    relay = RelaySettings(step_ms_min=800, step_ms_max=900)
    venue = OpenVenue(Path(sys.argv[1]), markets=MARKETS, relay=relay)
    sys.stdout.write(f"{venue.port}\n")
    sys.stdout.flush()
    serve(venue)
    venue.stop()


if __name__ == "__main__":
    main()
