"""`manage.py simulate_exchange`: the local venue, until Ctrl-C. Needs no database."""

import secrets
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from polyarb_site.clock import SystemClock
from polyarb_site.preflight import check_port
from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.config.venues import VenuesError, venue_settings
from trading.simulator.doors import Doors
from trading.simulator.local_venue import LocalVenue
from trading.simulator.order_door import DoorSettings
from trading.simulator.server import VenueServer

LOOPBACK = "127.0.0.1"  # play money: nobody else's business
REFUSED = 1
NS_PER_MS = 1_000_000


class Command(BaseCommand):
    """Serves invented markets over the venue's own protocol, on this machine only."""

    help = "Run the local venue: invented order flow, play money, the venue's own protocol."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, default=settings.SIMULATOR_PORT)
        parser.add_argument("--seed", type=int, default=1, help="the same seed invents the same")
        parser.add_argument("--markets", type=int, default=8)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM. Exits with 1 when the port or a number cannot be used."""
        clock, port = SystemClock(), options["port"]

        def now_ms() -> int:
            return clock.now_ns() // NS_PER_MS

        for problem in check_port(LOOPBACK, port):
            raise CommandError(
                f"{problem.message}\n  set POLYARB_SIMULATOR_PORT to a free port",
                returncode=REFUSED,
            )
        try:
            venue = LocalVenue(seed=options["seed"], markets=options["markets"], now_ms=now_ms())
            doors = _door_settings()
        except (ValueError, ConfigError, VenuesError) as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        self.stdout.write(
            f"local venue on http://{LOOPBACK}:{port}, seed {options['seed']}, "
            f"{len(venue.markets)} markets, play money"
        )
        self.stdout.flush()
        uvicorn.run(
            VenueServer(venue, now_ms, Doors(venue, doors)),
            host=LOOPBACK,
            port=port,
            ws="websockets-sansio",
            lifespan="on",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )


def _door_settings() -> DoorSettings:
    """Return what signatures are made for; the secret is new at each start, and so are all keys."""
    known = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    return DoorSettings(
        chain_id=known.chain_id,
        exchange=known.contracts.exchange,
        neg_risk_exchange=known.contracts.neg_risk_exchange,
        secret=secrets.token_bytes(32),
    )
