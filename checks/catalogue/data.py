"""Checks of what is kept: journal, audit, backups, disk, alerts, replays, reconciliations."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from alerts.selectors.rules import rules_in_force
from alerts.selectors.state import alert_state
from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    everywhere,
    failed,
    passed,
    unknown,
    when_live,
)
from polyarb_site import formats
from reports.selectors.audit_state import ROWS_NOW_MAX, WALK_AGE_MAX, audit_state
from reports.selectors.backups import (
    files_problem,
    newest_backup,
    newest_verified,
)
from reports.services.second import copy_failed
from trading.selectors.journal_ends import End, JournalEnd, journal_ends, newest_replay
from trading.selectors.last_figures import (
    newest_reconciliation,
    open_incidents,
    traded_with_money,
)
from trading.services.host_probes import journal_room

MIB = 1_048_576
GB = 1_000_000_000
JOURNALS_WITHIN = timedelta(days=7)
JOURNAL_BYTES_MAX = 64 * MIB  # read in one run: about a second, some more when busy
BACKUP_AGE_MAX = timedelta(hours=24)
DISK_FREE_BYTES_MIN = GB
REPLAY_AGE_MAX = timedelta(hours=49)  # made each night of the day before
RECONCILED_WITHIN = timedelta(hours=24)
NAMED_MAX = 5  # sessions, rules or incidents that a reason names
FIRST_LIVE_PHASE = 1


def _age(scene: Scene, then: Any) -> str:
    return formats.age(formats.ms_between(then, scene.now))


def journal_continuous(scene: Scene) -> Seen:
    """Read the newest journals in full, and ask the replays about what is older."""
    since = scene.now - JOURNALS_WITHIN
    try:
        ends = journal_ends(scene.account, scene.venue, since, bytes_max=JOURNAL_BYTES_MAX)
    except OSError as error:
        return unknown(f"the journals cannot be read ({error.strerror})")
    facts: dict[str, Any] = {"sessions": [_end_facts(one) for one in ends[:20]], "count": len(ends)}
    if not ends:
        return unknown(
            f"no session of the last 7 days on the feed {scene.venue} has a journal here",
            remedy="start the engine: manage.py start_shadow, then run the checks again",
            **facts,
        )
    for end, judge in ((End.BROKEN, failed), (End.UNREAD, unknown)):
        bad = [one for one in ends if one.end is end]
        if bad:
            first = bad[0]
            more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
            remedy = "" if end is End.BROKEN else f"run: manage.py replay {first.session_key}"
            return judge(f"{first.session_key}: {first.text}{more}", remedy=remedy, **facts)
    read_bytes = sum(one.read_bytes for one in ends)
    last = ends[0].last_sequence
    return passed(
        f"{formats.plural(len(ends), 'journal')} without a gap, the newest up to record"
        f" {formats.count(last)}; {read_bytes // MIB} MiB were read now",
        **facts,
    )


def _end_facts(one: JournalEnd) -> dict[str, Any]:
    return {
        "session": one.session_key,
        "end": one.end.value,
        "text": one.text,
        "read_now_from": one.from_sequence,
        "last_sequence": one.last_sequence,
        "read_bytes": one.read_bytes,
    }


def journal_writable(scene: Scene) -> Seen:
    """Make a file where journals go, and ask for their room as the engine does at its start."""
    del scene
    room = journal_room()
    facts: dict[str, Any] = {
        "directory": str(room.directory),
        "used_bytes": room.used_bytes,
        "bytes_max": room.bytes_max,
    }
    if room.problem:
        return failed(f"the journal cannot be written: {room.problem}", **facts)
    return passed(
        f"a file was written there, {room.used_bytes // MIB} of {room.bytes_max // MIB} MiB are"
        " taken",
        **facts,
    )


def audit_chain(scene: Scene) -> Seen:
    """Verify what was written since the newest walk, and all of a short audit."""
    state = audit_state(scene.now)
    facts: dict[str, Any] = {
        "walked": state.walked,
        "walked_at": state.walked_at.isoformat() if state.walked_at else None,
        "verified_now": state.since,
        "head_sha256": state.head_sha256,
        "heads_noted_elsewhere": state.anchors,
    }
    if state.whole is None:
        return unknown(state.text, remedy="run: manage.py verify_audit", **facts)
    if not state.whole:
        return failed(f"the audit is broken at {state.text}", **facts)
    walk = ""
    if state.walked_at is not None:
        walk = f"{formats.plural(state.walked, 'record')} held {_age(scene, state.walked_at)} ago, "
    return passed(
        f"{walk}{formats.plural(state.since, 'record')} hold now, compared with"
        f" {formats.plural(state.anchors, 'head')} noted elsewhere",
        **facts,
    )


def newest_backup_verified(scene: Scene) -> Seen:
    """Look for a backup of the last day that was restored and compared, and for its files."""
    verified, tried = newest_verified(), newest_backup()
    facts: dict[str, Any] = {
        "verified": verified.name if verified else None,
        "taken_at": verified.started_at.isoformat() if verified else None,
        "verified_at": verified.verified_at.isoformat()
        if verified and verified.verified_at
        else None,
        "sha256": verified.sha256 if verified else None,
        "newest": tried.name if tried else None,
        "newest_state": tried.state if tried else None,
    }
    if verified is None:
        last = f"; the newest one, {tried.name}, is {tried.state}" if tried else ""
        return failed(f"no backup was ever restored and compared{last}", **facts)
    if verified.started_at > scene.now:
        return unknown(f"{verified.name} is of the future: a clock was set back", **facts)
    age = _age(scene, verified.started_at)
    if scene.now - verified.started_at >= BACKUP_AGE_MAX:
        return failed(f"the newest verified backup, {verified.name}, is {age} old", **facts)
    problem = files_problem(verified)
    if problem:
        return failed(f"{verified.name} was verified, and is not what it was: {problem}", **facts)
    return passed(f"{verified.name} is {age} old, and was restored and compared", **facts)


def disk_free(scene: Scene) -> Seen:
    """Ask each disk that the portal writes to how much is free."""
    del scene
    found: dict[str, int] = {}
    for directory in (settings.DATA_DIR, settings.JOURNAL_DIR, settings.BACKUP_DIR):
        there = _nearest(directory)
        found[str(directory)] = shutil.disk_usage(there).free
    place, free_bytes = min(found.items(), key=lambda one: one[1])
    free = f"{free_bytes * 100 // GB / 100:.2f} GB are free on the disk of {Path(place).name}"
    if free_bytes <= DISK_FREE_BYTES_MIN:
        return failed(f"only {free}", free_bytes=found)
    return passed(free, free_bytes=found)


def _nearest(directory: Path) -> Path:
    """Return the directory, or the first one above it that is there."""
    return next(one for one in (directory, *directory.parents) if one.exists())


def alerts_readable(scene: Scene) -> Seen:
    """Read what fires and the rules, and whether somebody judges them."""
    state, rules = alert_state(scene.account, scene.now), rules_in_force()
    counts = {name: state["counts"][name] for name in ("critical", "warning", "info", "acked")}
    facts: dict[str, Any] = {
        "counts": counts,
        "rules": len(rules),
        "broken_rules": sorted(rules.broken),
    }
    if rules.broken:
        named = ", ".join(sorted(rules.broken)[:NAMED_MAX])
        return failed(f"this version cannot read the rules {named}", **facts)
    if not rules:
        return failed(
            "there are no alert rules",
            remedy="run: manage.py import_alerts config/alerts.production.yaml",
            **facts,
        )
    if state["counts"]["reason"]:
        return failed(f"nobody knows what fires: {state['counts']['reason']}", **facts)
    return passed(
        f"{formats.plural(len(rules), 'rule')} are judged: {counts['critical']} critical and"
        f" {counts['warning']} warnings fire",
        **facts,
    )


def replay_equal(scene: Scene) -> Seen:
    """Look at the newest replay of a session on this venue."""
    run = newest_replay(scene.account, scene.venue)
    if run is None:
        return unknown(f"no session on the feed {scene.venue} was replayed yet")
    facts: dict[str, Any] = {
        "replay": run.pk,
        "session": run.session.key,
        "day": run.day.isoformat(),
        "verdict": run.verdict,
        "different": run.different,
        "realised_micro": run.realised_micro,
        "ledger_micro": run.ledger_micro,
    }
    told = f"the replay of {run.session.key} for {run.day}"
    if not timedelta() <= scene.now - run.at <= REPLAY_AGE_MAX:
        return unknown(f"{told}, the newest, was made {formats.utc(run.at)}", **facts)
    if run.verdict != run.Verdict.SAME:
        return failed(f"{told} says {run.verdict}: {run.problem}"[:500], **facts)
    return passed(f"{told} came out the same, {formats.count(run.commands)} commands", **facts)


def reconciled(scene: Scene) -> Seen:
    """Look at the newest comparison of ledger, venue and chain."""
    run = newest_reconciliation(scene.account, scene.venue)
    never_live = run is None and scene.phase == FIRST_LIVE_PHASE
    if never_live and not traded_with_money(scene.account, scene.venue):
        return passed(
            f"no engine has sent an order to {scene.venue} yet; the first one compares before it"
            " trades",
            traded=False,
        )
    if run is None:
        return unknown(f"nothing was compared on {scene.venue} yet")
    facts: dict[str, Any] = {
        "reconciliation": run.pk,
        "verdict": run.verdict,
        "at": run.at.isoformat(),
        "block_number": run.block_number,
        "differences": len(run.differences),
    }
    if not timedelta() <= scene.now - run.at <= RECONCILED_WITHIN:
        return unknown(f"the newest comparison is of {formats.utc(run.at)}", **facts)
    if run.verdict != run.Verdict.MATCH:
        first = f": {run.differences[0]['text']}" if run.differences else ""
        return failed(f"the newest comparison is a {run.verdict}{first}"[:500], **facts)
    return passed(f"ledger, venue and chain agreed {_age(scene, run.at)} ago", **facts)


def no_open_incident(scene: Scene) -> Seen:
    """Look for incidents that nobody has resolved."""
    found = open_incidents(scene.account)
    facts: dict[str, Any] = {"incidents": [{"id": one.pk, "kind": one.kind} for one in found]}
    if found:
        named = "; ".join(f"{one.pk} ({one.title})" for one in found[:NAMED_MAX])
        return failed(f"open: incident {named}"[:500], **facts)
    return passed("no incident is open", **facts)


def second_copy(scene: Scene) -> Seen:
    """Look whether the newest verified backup lies in a second place too."""
    del scene
    verified = newest_verified()
    if settings.BACKUP_COPY_DIR is None:
        return failed("no second place for backups is named", second_place=False)
    if verified is None:
        return unknown("there is no verified backup to copy", second_place=True)
    facts: dict[str, Any] = {"second_place": True, "backup": verified.name}
    if not verified.second_target or copy_failed(verified):
        became = verified.second_target or "was not made"
        return failed(f"the copy of {verified.name} {became}"[:500], **facts)
    return passed(f"{verified.name} was {verified.second_target}", **facts)


DATA = Category.DATA
CHECKS: tuple[Check, ...] = (
    Check(
        id="data.journal_continuous",
        category=DATA,
        title="The journal has no gap",
        needed="every record of the last 7 days in order, as it was written",
        remedy="See what is wrong with manage.py verify_journal --all, and restore that journal"
        " from a backup.",
        runbook="journal",
        priorities=everywhere(Priority.P0),
        look=journal_continuous,
        time_ms_max=6_500,
    ),
    Check(
        id="data.journal_writable",
        category=DATA,
        title="The journal can be written",
        needed="a file can be made durable there, and journals have room",
        remedy="Free room on the disk, or give the engine's user the directory that is named.",
        runbook="journal",
        priorities=everywhere(Priority.P0),
        look=journal_writable,
    ),
    Check(
        id="data.audit_chain",
        category=DATA,
        title="The audit is whole",
        needed=f"every record as it was written; above {ROWS_NOW_MAX:,} a walk within"
        f" {WALK_AGE_MAX // timedelta(hours=1)} h, and all records since",
        remedy="Compare with a verified backup: manage.py verify_audit names the first record.",
        runbook="audit-chain",
        priorities=everywhere(Priority.P0),
        look=audit_chain,
        time_ms_max=5_000,
    ),
    Check(
        id="data.backup_verified",
        category=DATA,
        title="There is a proven backup",
        needed="taken less than 24 h ago, restored and compared, its files unchanged",
        remedy="Take one, which restores and compares it too: manage.py backup_state.",
        runbook="backups",
        priorities=everywhere(Priority.P0),
        look=newest_backup_verified,
    ),
    Check(
        id="data.disk_free",
        category=DATA,
        title="The disk has room",
        needed="more than 1 GB free where data, journals and backups go",
        remedy="Free room on that disk, or move the state with POLYARB_DATA_DIR.",
        runbook="disk",
        priorities=everywhere(Priority.P0),
        look=disk_free,
    ),
    Check(
        id="data.alerts_readable",
        category=DATA,
        title="The alert state is known",
        needed="rules that this version reads, judged within the last 30 s",
        remedy="Start the jobs cluster, which judges them: make run, or manage.py up.",
        runbook="alert-rules",
        priorities=everywhere(Priority.P1),
        look=alerts_readable,
    ),
    Check(
        id="data.replay_equal",
        category=DATA,
        title="The newest replay came out the same",
        needed="verdict SAME of a replay made within 49 h, on the feed that is asked about",
        remedy="Replay the newest session: manage.py replay; differences are shown on its page.",
        runbook="journal",
        # On the first day in shadow no night has replayed anything yet.
        priorities={0: Priority.P2, **when_live(Priority.P1)},
        look=replay_equal,
    ),
    Check(
        id="data.reconciled",
        category=DATA,
        title="Ledger, venue and chain agree",
        needed="MATCH within 24 h on the venue that is asked about",
        remedy="See the differences with manage.py reconcile; each says what to do.",
        runbook="rule-reconciliation_mismatch",
        priorities=when_live(Priority.P0),
        look=reconciled,
    ),
    Check(
        id="data.no_open_incident",
        category=DATA,
        title="No incident is open",
        needed="none",
        remedy="Find out what each is about, put it right, and resolve it on the page Incidents.",
        runbook="rule-reconciliation_mismatch",
        priorities=when_live(Priority.P0),
        look=no_open_incident,
    ),
    Check(
        id="data.second_copy",
        category=DATA,
        title="Backups lie in a second place too",
        needed="a copy of the newest verified backup on another disk",
        remedy="Name another disk in POLYARB_BACKUP_COPY_DIR, then run manage.py backup_state.",
        runbook="backups",
        priorities=everywhere(Priority.P3),
        look=second_copy,
    ),
)
