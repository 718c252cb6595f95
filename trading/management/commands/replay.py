"""`manage.py replay DAY|SEGMENT|SESSION|RECORDING`: what happened, again, or under other limits.

A recording, a journal's directory and a segment of it need no database.
"""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from polyarb_site.clock import SystemClock
from polyarb_site.yaml_files import ConfigError, read_named, read_yaml
from trading.adapters.codec import CodecError
from trading.adapters.recording import (
    PARTIAL,
    RecordingError,
    began_ms,
    load_markets,
    markets_path,
    read_frames,
)
from trading.adapters.replay import Replay, ReplayResult
from trading.config.schema import ConfigProblems, parse, to_limits
from trading.config.venues import RecordingDefaults, VenuesError, venue_settings
from trading.engine.limits import Limits
from trading.engine.market import FeeSchedule
from trading.engine.paper import PaperSettings
from trading.engine.units import UnitError, unsigned_micro_from_text
from trading.journal import JournalDamagedError, journal_directory
from trading.management import replays as shown
from trading.management.base import FAILED, REFUSED, PortalCommand
from trading.management.progress import Bar
from trading.models import EngineSession, ReplayRun
from trading.replaying import ReplayError, Scope, Tally, recorded_tally, replay_journal, trial
from trading.replaying.inputs import first_sequence_of, mode_of
from trading.replaying.targets import Day, Journal, Recording, Session, TargetError, parse_target
from trading.services.journals import find_session
from trading.services.replays import days_of, judge, sessions_of_day

PROFILE = "live_shadow_atomic_v1"
PROGRESS_EVERY = 500
REFUSALS = (ConfigError, ConfigProblems, RecordingError, TargetError, UnitError, VenuesError)
UNREADABLE = (ReplayError, JournalDamagedError, CodecError, OSError)


class Command(PortalCommand):
    """Replays a day, a session, a segment or a recording, and prints what was found."""

    help = (
        "Replay a day (YYYYMMDD), a session (main-7), a journal's directory or segment, or a"
        " recording. 0: the same as recorded, 1: different, 2: it cannot be read."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("what", help="YYYYMMDD | SESSION | DIRECTORY | SEGMENT | RECORDING")
        parser.add_argument(
            "--profile", help=f"what would have happened under it; of a recording {PROFILE}"
        )
        parser.add_argument("--account", default=settings.ACCOUNT, help="whose day")
        parser.add_argument("--store", action="store_true", help="keep the verdicts of a day")
        parser.add_argument("--markets", type=Path, help="of a recording; default: beside it")
        parser.add_argument("--fee-rate", help="taker fee rate where a recording names none")
        parser.add_argument("--fee-exponent", type=int, choices=range(9), default=1)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Replay, or exit with the reason and remedy on stderr."""
        self.clock = SystemClock()
        self.bar = Bar(sys.stderr, self.clock, wanted=not options["json"])
        try:
            self._replay(options)
        except REFUSALS as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        except UNREADABLE as error:
            raise CommandError(f"it cannot be replayed: {error}", returncode=FAILED) from error
        finally:
            self.bar.end()

    def _replay(self, options: dict[str, Any]) -> None:
        target = parse_target(options["what"])
        if options["store"] and not isinstance(target, Day):
            raise TargetError("--store: only the verdicts of a day are kept; name a day")
        match target:
            case Recording():
                self._recording(target.frames, options)
            case Journal() if options["profile"]:
                self._trials([target.directory], options)
            case Journal():
                self._journal(target, options)
            case Session():
                session = find_session(target.key)
                self._sessions([session], None, options)
            case Day():
                self._sessions(sessions_of_day(options["account"], target.day), target, options)

    # Recordings

    def _recording(self, path: Path, options: dict[str, Any]) -> None:
        profile = options["profile"] or PROFILE
        limits = _limits(profile)
        defaults = _defaults(options["fee_rate"], options["fee_exponent"])
        beside = options["markets"] or markets_path(path)
        markets = load_markets(beside, defaults)
        run = Replay(markets, limits, PaperSettings(), began_ms=began_ms(beside))
        torn = self._frames(run, path)
        result: ReplayResult = run.result()
        if options["json"]:
            told = {"profile": profile, **asdict(result), **({"torn": torn} if torn else {})}
            self.stdout.write(json.dumps(told))
            return
        lines = shown.recording_lines(profile, result)
        self._say([*lines, f"  {torn}: replayed up to there"] if torn else lines)

    def _frames(self, run: Replay, path: Path) -> str:
        """Run all frames; return why an unfinished recording ends where it ends, "" if it does."""
        size, at = path.stat().st_size if path.exists() else 0, 0

        def moved(read_bytes: int) -> None:
            nonlocal at
            at = read_bytes

        try:
            for number, (raw, _) in enumerate(read_frames(path, on_bytes=moved), start=1):
                run.frame(raw)
                if number % PROGRESS_EVERY == 0:
                    self.bar(at, size)
        except RecordingError as error:
            if not (error.torn and PARTIAL in path.name):
                raise
            return str(error)
        return ""

    # Journals

    def _journal(self, target: Journal, options: dict[str, Any]) -> None:
        self.bar.name = target.directory.name
        scope = Scope()
        if target.segment is not None:
            scope = Scope(first_sequence=first_sequence_of(target.directory, target.segment))
        replay = replay_journal(
            target.directory, scope, segments_max=target.segment, on_progress=self.bar
        )
        self.bar.end()
        self._say(shown.journal_lines(replay), asdict(replay) | {"same": replay.same}, options)
        if not replay.same:
            raise CommandError("the replay is not what was recorded", returncode=REFUSED)

    def _sessions(
        self, sessions: list[EngineSession], target: Day | None, options: dict[str, Any]
    ) -> None:
        if not sessions:
            raise TargetError(
                f"no session of account {options['account']} ran that day: name another day, or"
                " another --account"
            )
        if options["profile"]:
            root = settings.JOURNAL_DIR
            self._trials([journal_directory(root, s.account, s.key) for s in sessions], options)
            return
        runs = []
        for session in sessions:
            self.bar.name = session.key
            day = target.day if target is not None else None
            for one in [day] if day is not None else days_of(session, self.clock.now()):
                run = judge(session, one, self.clock, on_progress=self.bar)
                runs.append(run)
                self.bar.end()
                if options["store"]:
                    run.save()
                if not options["json"]:
                    self._say(shown.run_lines(run))
        self._say([shown.day_line(runs)], [shown.run_facts(run) for run in runs], options)
        _exit_by([run.verdict for run in runs])

    def _trials(self, directories: list[Path], options: dict[str, Any]) -> None:
        """Show sessions as they were and under another profile, all of them together."""
        limits, profile = _limits(options["profile"]), options["profile"]
        columns = [Tally(name="as it was")]
        live = any(mode_of(directory) != "SHADOW" for directory in directories)
        if live:
            columns.append(Tally(name="its own, on paper"))
        columns.append(Tally(name=f"{profile}, on paper" if live else profile))
        for directory in directories:
            self.bar.name = directory.name
            columns[0].add(recorded_tally(directory, "", on_progress=self.bar))
            if live:
                columns[1].add(trial(directory, "", None, on_progress=self.bar))
            columns[-1].add(trial(directory, "", limits, on_progress=self.bar))
        self.bar.end()
        lines = [f"{len(directories)} sessions, the same books and times:", *shown.table(columns)]
        if live:
            lines.append("Orders that were never sent have no answers: they are filled on paper.")
        self._say(lines, [shown.tally_facts(one) for one in columns], options)

    def _say(
        self, lines: list[str], facts: Any = None, options: dict[str, Any] | None = None
    ) -> None:
        as_json = options is not None and options["json"]
        self.stdout.write(json.dumps(facts) if as_json else "\n".join(lines))


def _exit_by(verdicts: list[str]) -> None:
    if ReplayRun.Verdict.DIFFERENT in verdicts:
        raise CommandError("the replay is not what was recorded", returncode=REFUSED)
    if ReplayRun.Verdict.UNREADABLE in verdicts:
        raise CommandError(
            "not every journal could be replayed\n  manage.py verify_journal says what is wrong",
            returncode=FAILED,
        )


def _limits(profile: str) -> Limits:
    base = read_yaml(settings.CONFIG_DIR / "config.yaml")
    values = read_named(settings.CONFIG_DIR / "profiles", profile)
    return to_limits(parse({**base, **values}, strict=True))


def _defaults(fee_rate: str | None, fee_exponent: int) -> RecordingDefaults:
    """Return what the recording does not carry: from config/venues.yaml, or the fee as told."""
    defaults = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).recordings
    if fee_rate is None:
        return defaults
    fee = FeeSchedule(rate_micro=unsigned_micro_from_text(fee_rate), exponent=fee_exponent)
    return replace(defaults, fee=fee)
