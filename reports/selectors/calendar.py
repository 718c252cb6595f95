"""Backups as a calendar of squares, and what stands above it."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from reports.backups import disk, plan
from reports.models import BackupRun
from reports.selectors.backups import last_drill, newest_backup, newest_verified

WEEKS = 6
DAY = timedelta(days=1)
# What a day shows: the best that it has. A mark stands beside each colour.
MARKS = {
    "VERIFIED": ("good", "✓", "verified"),
    "TAKEN": ("warn", "?", "taken and not verified"),
    "RUNNING": ("warn", "…", "being made"),
    "FAILED": ("bad", "✕", "failed"),
    "PRUNED": ("quiet", "·", "pruned"),
}
RANK = tuple(MARKS)


def calendar(now: datetime) -> list[list[dict[str, Any]]]:
    """Return the last six weeks, Monday first, a square for each UTC day."""
    today = now.date()
    first = today - DAY * (today.weekday() + 7 * (WEEKS - 1))
    rows: dict[Any, list[BackupRun]] = {}
    for row in BackupRun.objects.filter(started_at__date__gte=first).order_by("id"):
        rows.setdefault(row.started_at.date(), []).append(row)
    days = [first + DAY * index for index in range(7 * WEEKS)]
    squares = [_square(day, rows.get(day, []), is_future=day > today) for day in days]
    return [squares[start : start + 7] for start in range(0, len(squares), 7)]


def _square(day: Any, rows: list[BackupRun], *, is_future: bool) -> dict[str, Any]:
    square: dict[str, Any] = {
        "day": day,
        "tone": "future" if is_future else "none",
        "mark": "",
        "title": f"{day}: " + ("has not begun" if is_future else "no backup"),
        "pinned": any(row.pinned for row in rows),
        "failed": any(row.state == BackupRun.State.FAILED for row in rows),
        "pk": None,
    }
    if rows:
        best = min(rows, key=lambda row: (RANK.index(row.state), -row.pk))
        square["tone"], square["mark"], _ = MARKS[best.state]
        told = [
            f"{row.name} {MARKS[row.state][2]}, {size_text(row.size_bytes)}"
            + (", pinned" if row.pinned else "")
            for row in rows
        ]
        square["title"] = f"{day}: {'; '.join(told)}"
        square["pk"] = best.pk
    return square


def overview(now: datetime) -> dict[str, Any]:
    """Return the sentences above the calendar."""
    newest, tried, drill = newest_verified(), newest_backup(), last_drill()
    kept = BackupRun.objects.exclude(state__in=(BackupRun.State.PRUNED, BackupRun.State.RUNNING))
    sizes = list(kept.values_list("size_bytes", flat=True))
    later = tried is not None and (newest is None or tried.started_at > newest.started_at)
    return {
        "newest": newest,
        "later": tried if later and tried is not None else None,
        "drill": drill,
        "next_at": plan.slot_start(now) + plan.SLOT,
        "count": len(sizes),
        "size": size_text(sum(sizes)),
        "free": _free(),
        "encrypted": bool(settings.BACKUP_RECIPIENT),
        "second": str(settings.BACKUP_COPY_DIR) if settings.BACKUP_COPY_DIR else "",
        "folder": str(settings.BACKUP_DIR),
    }


def size_text(size_bytes: int) -> str:
    """Return a size as people say it."""
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    for unit in ("kB", "MB", "GB"):
        size_bytes = size_bytes * 10 // 1_000  # in tenths of the unit
        if size_bytes < 10_000 or unit == "GB":
            return f"{size_bytes // 10:,}.{size_bytes % 10} {unit}"
        size_bytes //= 10
    raise AssertionError("the last unit takes everything")


def _free() -> str:
    try:
        return size_text(disk.free_bytes(disk.nearest(settings.BACKUP_DIR)))
    except OSError:
        return "unknown"
