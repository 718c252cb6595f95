"""Samples of a time as a few points for a chart: of each part the worst, and gaps as gaps."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True, kw_only=True)
class Series:
    """The highest exposure and the slowest p95 of each part; None where nothing was measured."""

    exposure: list[int | None] = field(default_factory=list)
    p95_us: list[int | None] = field(default_factory=list)
    samples: int = 0
    exposure_last_micro: int | None = None
    exposure_max_micro: int | None = None
    exposure_max_at: datetime | None = None


def day_series(
    samples: Iterable[tuple[datetime, int, int | None]],
    since: datetime,
    until: datetime,
    parts: int,
) -> Series:
    """Return the series of (at, exposure, p95) in the order of their times."""
    series = Series(exposure=[None] * parts, p95_us=[None] * parts)
    span = (until - since) // timedelta(microseconds=1)
    for at, exposure_micro, p95_us in samples:
        offset = (at - since) // timedelta(microseconds=1)
        part = min(max(offset * parts // span, 0), parts - 1)
        series.samples += 1
        series.exposure_last_micro = exposure_micro
        series.exposure[part] = _most(series.exposure[part], exposure_micro)
        if p95_us is not None:
            series.p95_us[part] = _most(series.p95_us[part], p95_us)
        if series.exposure_max_micro is None or exposure_micro > series.exposure_max_micro:
            series.exposure_max_micro, series.exposure_max_at = exposure_micro, at
    return series


def _most(before: int | None, value: int) -> int:
    return value if before is None else max(before, value)
