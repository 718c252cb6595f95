"""`manage.py simulate_exchange`: the local venue, until Ctrl-C. Needs no database."""

from argparse import ArgumentParser, BooleanOptionalAction
from math import isfinite
from pathlib import Path
from random import Random
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from polyarb_site.clock import SystemClock
from polyarb_site.preflight import check_port
from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.adapters.player import parse_speed
from trading.adapters.recording import RecordingError
from trading.config.venues import Contracts, VenuesError, venue_settings
from trading.engine.units import MICRO
from trading.feeds import own_recording
from trading.simulator.book_calls import BookExecutor
from trading.simulator.doors import Doors
from trading.simulator.evm.chain import LocalChain
from trading.simulator.evm.compiling import NotInstalledError, anvil_program, bytecodes
from trading.simulator.evm.evm_chain import EvmChain
from trading.simulator.evm.executor import EvmExecutor
from trading.simulator.evm.rpc import ChainError
from trading.simulator.keeper import Keeper, StateError
from trading.simulator.keys import KeyRing
from trading.simulator.local_venue import LocalVenue
from trading.simulator.markets import NO_CHAIN_FOR_EVENTS, Programme
from trading.simulator.order_door import DoorSettings
from trading.simulator.recorded_frames import open_recording
from trading.simulator.relayer import Relayer, RelayerSettings
from trading.simulator.relaying import RelayQueue
from trading.simulator.server import VenueServer
from trading.simulator.signatures import deposit_wallet
from trading.simulator.windows import Windows

LOOPBACK = "127.0.0.1"  # play money: nobody else's business
REFUSED = 1
NS_PER_MS = 1_000_000
MARKETS = 8
BUNDLED = Path("bundled")
BLOCK_S = 2  # as on the real chain, so that confirmations come; a transaction waits for none


class Command(BaseCommand):
    """Serves invented markets over the venue's own protocol, on this machine only."""

    help = "Run the local venue: invented order flow, play money, the venue's own protocol."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, default=settings.SIMULATOR_PORT)
        parser.add_argument("--seed", type=int, default=1, help="the same seed invents the same")
        parser.add_argument(
            "--markets", type=int, help=f"invented ones: {MARKETS}, and none beside a recording"
        )
        parser.add_argument(
            "--neg-risk-outcomes",
            type=int,
            default=0,
            help="list an event of 3 to 10 outcomes too; settles on own books, needs --no-chain",
        )
        parser.add_argument(
            "--recording",
            type=Path,
            nargs="?",
            const=BUNDLED,
            help="play a frames file instead of invented flow; without a file the bundled one",
        )
        parser.add_argument(
            "--speed", help="how many times faster than it was recorded, 0.01 to 100; left out: 1"
        )
        parser.add_argument(
            "--state",
            type=Path,
            default=settings.DATA_DIR / "simulator",
            help="the directory that keeps keys, balances, orders and trades between runs",
        )
        parser.add_argument(
            "--deposit-wallets-only",
            action="store_true",
            help="refuse orders of type 0, as the venue does for new accounts",
        )
        parser.add_argument(
            "--drills",
            action="store_true",
            help="open POST /simulator/faults, with which anybody here can let things go wrong",
        )
        parser.add_argument(
            "--approved",
            action=BooleanOptionalAction,
            default=True,
            help="whether a new wallet has allowed the exchanges to take what it sells and pays",
        )
        parser.add_argument(
            "--chain",
            action=BooleanOptionalAction,
            default=None,
            help="whether trades settle on a local chain; left out: when 'make evm' installed one",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM.

        Exits with 1 when the port, a number or the chain cannot be used.
        """
        clock, port = SystemClock(), options["port"]

        def now_ms() -> int:
            return clock.now_ns() // NS_PER_MS

        _check_port(port)
        try:
            on_chain = _is_on_chain(options["chain"])
            programme = _programme(options, on_chain=on_chain)
            markets, state = _markets(options, programme), options["state"] / programme.name
            # What settles on a chain and what does not are different pasts.
            keeper = Keeper(
                state / ("chain" if on_chain else "books"), seed=options["seed"], markets=markets
            )
            local = _local_chain(state / "evm", keeper) if on_chain else None
            doors = _door_settings(
                secret=keeper.secret,
                deposit_wallets_only=options["deposit_wallets_only"],
                drills=options["drills"],
            )
            venue = LocalVenue(
                seed=options["seed"],
                markets=markets,
                now_ms=now_ms(),
                programme=programme,
                wallet_of=local.deposit_wallet_of if local else deposit_wallet,
                spenders=doors.spenders,
                approved=options["approved"],
                chain=EvmChain(local, doors.spenders) if local else None,
                past=keeper.past,
            )
        except (ValueError, ConfigError, VenuesError, StateError, RecordingError) as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        venue.let_merge(_contracts().collateral_adapter)
        self.stdout.write(
            f"local venue on http://{LOOPBACK}:{port}, seed {options['seed']}, "
            f"{len(venue.markets)} markets, play money, {venue.info()['label']}"
            f"{_plays(programme, on_chain=on_chain)}{', open to drills' if doors.drills else ''}"
        )
        self.stdout.flush()
        open_doors = Doors(venue, doors)
        open_doors.keys.restore(keeper.past.image.get("key", {}))
        uvicorn.run(
            VenueServer(
                venue,
                now_ms,
                open_doors,
                keeper,
                Windows(),
                _relayer(venue, local, open_doors.keys),
            ),
            host=LOOPBACK,
            port=port,
            ws="websockets-sansio",
            lifespan="on",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )


def _check_port(port: int) -> None:
    for problem in check_port(LOOPBACK, port):
        raise CommandError(
            f"{problem.message}\n  set POLYARB_SIMULATOR_PORT to a free port", returncode=REFUSED
        )


def _programme(options: dict[str, Any], *, on_chain: bool) -> Programme:
    """Return what trades there; raises ValueError or RecordingError."""
    if on_chain and options["neg_risk_outcomes"]:
        raise ValueError(NO_CHAIN_FOR_EVENTS)
    path: Path | None = options["recording"]
    if path is None:
        if options["speed"] is not None:
            raise ValueError("speed: it is that of a recording, add --recording")
        return Programme(neg_risk_outcomes=options["neg_risk_outcomes"])
    if path == BUNDLED:
        path = own_recording()
    defaults = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).recordings
    speed = parse_speed(options["speed"] or "1")
    speed_micro = round(speed * MICRO) if isfinite(speed) else 0
    return Programme(
        recording=open_recording(path, defaults, speed_micro=speed_micro),
        neg_risk_outcomes=options["neg_risk_outcomes"],
    )


def _markets(options: dict[str, Any], programme: Programme) -> int:
    """Return how many markets are invented that stand alone."""
    wanted: int | None = options["markets"]
    default = 0 if programme.recording is not None else MARKETS
    return default if wanted is None else wanted


def _plays(programme: Programme, *, on_chain: bool) -> str:
    """Return what is there beside invented markets, and whose ids recorded ones have."""
    if programme.neg_risk_outcomes:
        return f", {programme.neg_risk_outcomes} of them outcomes of one neg-risk event"
    if programme.recording is None:
        return ""
    ids = "ids of the chain (see /simulator/info)" if on_chain else "the recorded ids"
    return f", plays {programme.recording.name} under {ids}"


def _contracts() -> Contracts:
    return venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).contracts


def _is_on_chain(wanted: bool | None) -> bool:
    """Say whether to settle on a chain; CommandError when one is wanted and missing."""
    if wanted is False:
        return False
    try:
        bytecodes(settings.EVM_DIR)
        anvil_program(settings.EVM_DIR)
    except NotInstalledError as error:
        if wanted:
            raise CommandError(str(error), returncode=REFUSED) from error
        return False
    return True


def _local_chain(folder: Path, keeper: Keeper) -> LocalChain:
    """Return the running chain to settle on.

    It is a new one for a new state: what the venue forgets, the chain must not remember.
    """
    known = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    try:
        return LocalChain.open(
            npm=settings.EVM_DIR,
            folder=folder,
            contracts=known.contracts,
            block_time_s=BLOCK_S,
            fresh=keeper.past.is_empty,
        )
    except ChainError as error:
        raise CommandError(f"{error}\n  or use --no-chain", returncode=REFUSED) from error


def _relayer(venue: LocalVenue, local: LocalChain | None, keys: KeyRing) -> Relayer:
    """Return the relayer, which executes on the chain or, where there is none, on the books."""
    known = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    return Relayer(
        RelayerSettings(chain_id=known.chain_id, factory=known.contracts.deposit_wallet_factory),
        EvmExecutor(local) if local else BookExecutor(venue, known.contracts),
        RelayQueue(Random()),  # noqa: S311 - ids and delays of a simulation
        keys,
    )


def _door_settings(*, secret: bytes, deposit_wallets_only: bool, drills: bool) -> DoorSettings:
    """Return what signatures are made for, and the secret that API keys are made from."""
    known = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    return DoorSettings(
        chain_id=known.chain_id,
        exchange=known.contracts.exchange,
        neg_risk_exchange=known.contracts.neg_risk_exchange,
        secret=secret,
        deposit_wallets_only=deposit_wallets_only,
        drills=drills,
    )
