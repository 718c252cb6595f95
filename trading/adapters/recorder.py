"""Records a feed as it comes, in the format that `trading.adapters.recording` reads.

Theory of operation. Frames gather in the event loop; `take` hands out what is there, and `write`,
which may run in a thread, brings it to the disk as one packed block of whole lines. Until it is
finished the files have ".partial." in their names. So a crash leaves a recording that is good up to
its last block, and never something that passes for a whole one: that has its name only after
everything before it is on the disk, the markets first.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from trading.adapters.feed import MarketRecord
from trading.adapters.recording import (
    MIB,
    PARTIAL,
    RecordingError,
    RecordingLimits,
    frame_markets,
    markets_path,
)
from trading.engine.events import Event, FeedChanged
from trading.engine.units import text_from_micro

ZSTD_LEVEL = 6
SUFFIX = ".frames.jsonl.zst"
BUFFER_BYTES_MAX = 64 * MIB  # waiting for the disk


class Recorder:
    """A sink that keeps what a feed hands on. `open`, then `take` and `write` often, then `finish`.

    `now_ms` is our clock: of UTC, in milliseconds. `left_out` counts frames by why they were not
    recorded.
    """

    def __init__(
        self, frames: Path, *, now_ms: Callable[[], int], limits: RecordingLimits | None = None
    ) -> None:
        if not frames.name.endswith(SUFFIX):
            raise RecordingError(f"{frames.name}: call it something that ends in {SUFFIX}")
        self.path = frames
        self.partial = frames.with_name(frames.name.removesuffix(SUFFIX) + PARTIAL[:-1] + SUFFIX)
        self.frames = 0
        self.raw_bytes = 0
        self.written_bytes = 0
        self.disconnects = 0
        self.left_out: Counter[str] = Counter()
        self._limits = limits or RecordingLimits()
        self._now_ms = now_ms
        self._markets: dict[str, dict[str, Any]] = {}
        self._new_market = False
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._file: BinaryIO | None = None

    @property
    def markets(self) -> int:
        """How many markets were told of."""
        return len(self._markets)

    def open(self) -> None:
        """Make the unfinished file. Raises RecordingError when anything of that name is there."""
        for path in (self.path, markets_path(self.path)):
            if path.exists():
                raise RecordingError(f"{path.name} is there already: choose another name")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._file = self.partial.open("xb")
        except FileExistsError as error:
            raise RecordingError(
                f"{self.partial.name} is there: it is being recorded, or was cut off; rename it to"
                " keep it, or remove it"
            ) from error
        except OSError as error:
            raise self._failed(error) from error

    # The feed's sink

    def on_frame(self, raw: bytes, connection: int) -> None:
        """Take a frame, unless its reader could not take it back."""
        del connection  # a frame that is read back has no other place than its line
        try:
            markets = frame_markets(raw)
        except RecordingError:
            self.left_out["no frame"] += 1
            return
        if not markets <= self._markets.keys():
            self.left_out["unknown market"] += 1
            return
        if self.frames >= self._limits.frames_max:
            raise RecordingError(f"{self.path.name}: more than {self._limits.frames_max} frames")
        if len(raw) > self._limits.line_bytes_max:
            self.left_out["too long"] += 1
            return
        # Within JSON text a line end is always escaped: outside of it, it is a space like others.
        self._lines.append(raw.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")
        self._waiting_bytes += len(raw) + 1
        self.frames += 1
        self.raw_bytes += len(raw) + 1
        if self._waiting_bytes > BUFFER_BYTES_MAX:
            raise RecordingError(
                f"{self.path.name}: the disk is too slow: {self._waiting_bytes // MIB} MiB wait"
            )

    def on_event(self, event: Event) -> None:
        """Take note of lost connections; other events come in no frame and are not recorded."""
        self.disconnects += isinstance(event, FeedChanged) and not event.connected

    def on_market(self, record: MarketRecord) -> None:
        """Take a market, before its first frame."""
        if len(self._markets) >= self._limits.markets_max:
            self.left_out["too many markets"] += 1
            return
        facts = _facts(record)
        if record.spec.condition_id not in self._markets:
            self._markets[record.spec.condition_id] = {"recordedMs": self._now_ms(), **facts}
            self._new_market = True

    # The disk

    def take(self) -> bytes:
        """Return the lines that wait. Called where the frames come in."""
        lines, self._lines = self._lines, []
        self._waiting_bytes = 0
        return b"".join(lines)

    def write(self, data: bytes) -> None:
        """Bring whole lines to the disk, as one block. Raises RecordingError."""
        if not data or self._file is None:
            return
        block = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(data)
        if self.written_bytes + len(block) > self._limits.file_bytes_max:
            raise RecordingError(
                f"{self.path.name}: would be larger than {self._limits.file_bytes_max} bytes"
            )
        try:
            if self._new_market:  # before the frames that need them
                self._new_market = False
                self._write_markets()
            self._file.write(block)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error
        self.written_bytes += len(block)

    def finish(self) -> bool:
        """Give the recording its name; return False, with nothing left, when no frame came."""
        self.write(self.take())
        if self._file is None:
            return False
        self._file.close()
        self._file = None
        try:
            if not self.frames:
                self.partial.unlink()
                return False
            markets_path(self.partial).rename(markets_path(self.path))
            self.partial.rename(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise self._failed(error) from error
        return True

    def abandon(self) -> None:
        """Close the file and leave what is there, under its unfinished name."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_markets(self) -> None:
        path = markets_path(self.partial)
        draft = path.with_name(f".{path.name}")
        with draft.open("w") as stream:
            json.dump(list(self._markets.values()), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        _sync_directory(path.parent)

    def _failed(self, error: OSError) -> RecordingError:
        return RecordingError(f"{self.path.name}: cannot be written ({error.strerror or error})")


def _facts(record: MarketRecord) -> dict[str, Any]:
    """Return a market as a recording has it: numbers as text, because JSON has only floats."""
    spec, fee = record.spec, record.spec.fee
    facts: dict[str, Any] = {
        "conditionId": spec.condition_id,
        "slug": record.slug,
        "question": record.question,
        "outcomes": [record.yes_outcome, record.no_outcome],
        "clobTokenIds": list(spec.token_ids),
        "orderPriceMinTickSize": text_from_micro(spec.tick_micro),
        "orderMinSize": text_from_micro(spec.min_order_size_micro),
        "takerDelayMs": spec.taker_delay_ms,
        "secondsDelay": spec.seconds_delay,
        "protocol": spec.protocol,
        "negRiskEventId": spec.neg_risk_event_id,
        "negRiskLegs": spec.neg_risk_legs,
        "negRiskAugmented": spec.neg_risk_augmented,
        "feeUnknown": fee is None,
    }
    if record.ends_at_ms is not None:
        facts["endMs"] = record.ends_at_ms
    if fee is not None:
        facts["feeSchedule"] = {
            "rate": text_from_micro(fee.rate_micro),
            "exponent": str(fee.exponent),
            "takerOnly": fee.taker_only,
        }
    return facts


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
