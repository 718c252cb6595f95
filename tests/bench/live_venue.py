"""The local venue of live_path.py, in a process of its own: every 400 ms a gap.

Says its port in one line, and ends when its input is closed.
"""

import os
import select
import sys
from pathlib import Path

MARKETS = 20
GAP_EVERY_S = 0.4
START_S_MAX = 60.0  # for the line that says that the engine listens


def main() -> None:
    """Serve until told to end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    from tests.live.venue import OpenVenue
    from trading.simulator.relaying import RelaySettings

    # So slow that several merges go into a batch: the relayer takes 25 of them a minute.
    relay = RelaySettings(step_ms_min=800, step_ms_max=900)
    venue = OpenVenue(Path(sys.argv[1]), markets=MARKETS, relay=relay)
    print(venue.port, flush=True)
    wait_s, gaps = START_S_MAX, 0
    while not select.select([sys.stdin], [], [], wait_s)[0] or sys.stdin.readline():
        wait_s = GAP_EVERY_S
        venue.gap(market=gaps % MARKETS)
        gaps += 1
    venue.stop()


if __name__ == "__main__":
    main()
