"""Gates to look at: what criteria, checks and people said. Only for tests and scratch databases."""

from datetime import timedelta

from checks.criteria.hashing import canonical_sha256
from checks.models import (
    Approval,
    Attestation,
    CheckResult,
    CheckRun,
    CriterionVerdict,
    Evaluation,
    Promotion,
    Rollback,
)
from checks.selectors.bindings import evaluation_sha256, run_sha256
from checks.services.promotions import approve, request_promotion
from polyarb_site.software import software
from reports.models import BackupRun
from trading.models import Mandate
from trading.services.grants import config_files_sha256
from trading.services.live import PHASE_PROFILES
from trading.services.revisions import newest

DAY = timedelta(days=1)
SOFTWARE = "0.6.0+4a92598c"
# kind, id, text, unit, verdict, value, micro, bound, sample, least sample, comparison, exact bound,
# window, reason. Of shares the number is in parts of one.
CRITERIA = (
    ("SUCCESS", "NO_CRASH", "7 days without a crash", "days", "FAIL", "4 days", 4_000_000,
     "≥ 7 days", 4, 1, "at_least", "7", 7, "the last crash was 4 days ago; 3 days are missing"),
    ("SUCCESS", "RECONNECTS", "More than 95 % of the reconnects succeed", "percent", "PASS",
     "99.2126 %", 992_126, "> 95 %", 127, 10, "above", "19/20", 7, "126 of 127 succeeded"),
    ("SUCCESS", "JOURNAL_COMPLETE", "The journal is complete", "count", "PASS", "0", 0,
     "= 0", 812_344, 1, "equal", "0", 7, "no number is missing"),
    ("SUCCESS", "BREAKER_DRILL", "The circuit breaker trips and stops, shown by a drill", "truth",
     "UNKNOWN", "", None, "yes", 0, 1, "equal", "1", "phase", "no drill was made on this profile"),
    ("SUCCESS", "LATENCY", "Decision latency p95 is below 500 ms", "milliseconds", "PASS",
     "0.31 ms", 310_000, "< 500 ms", 345_600, 3_600, "below", "500", 7, "p95 over 4 days"),
    ("EXIT", "DAYS_IN_PHASE", "At least 7 days in the phase", "days", "FAIL", "4.208333 days",
     4_208_333, "≥ 7 days", 1, 1, "at_least", "7", "phase", "2 d 19 h are left"),
    ("EXIT", "NO_CRITICAL", "No CRITICAL alert is open", "count", "PASS", "0", 0,
     "= 0", 4, 1, "equal", "0", "now", "none is open"),
    ("ENTRY", "DEDICATED_WALLET", "A dedicated production wallet", "truth", "PASS", "yes",
     1_000_000, "yes", 1, 1, "equal", "1", "now", "otto stated it"),
    ("KILL", "CRASHES", "More than 1 crash in a day", "count", "PASS", "0", 0,
     "> 1", 1, 1, "above", "1", 1, "none today"),
    ("KILL", "FEED_UP", "The WebSocket is up less than 80 % of the time", "percent", "PASS",
     "99.1 %", 991_000, "< 80 %", 86_400, 3_600, "below", "4/5", 1, "23 h 47 min of 24 h"),
    ("KILL", "RPC_FAILURES", "More than 10 % of the RPC calls fail", "percent", "PASS", "7.1041 %",
     71_041, "> 10 %", 2_210, 100, "above", "1/10", 1, "157 of 2,210 calls failed"),
)  # fmt: skip
METRICS = {
    "JOURNAL_COMPLETE": "journal_problems",
    "NO_CRITICAL": "critical_open",
    "CRASHES": "crashes",
}
# id, category, priority, status, title, reason, needed, remedy, evidence, ms
CHECKS = (
    ("security.secret_files", "security", "P0", "PASS", "The key file is private",
     "its mode is 600", "mode 600 or 400", "", {"mode": "600"}, 2),
    ("security.no_private_key", "security", "P0", "PASS", "No key lies around",
     "1,204 files and 31 tables were searched", "no match", "", {"files": 1204}, 812),
    ("security.wallet_balance", "security", "P1", "FAIL", "The wallet holds what the phase needs",
     "it holds $8.40", "$10 to $20", "send at least $1.60 of pUSD to the wallet", {}, 94),
    ("system.dry_run", "system", "P0", "PASS", "DRY_RUN fits the phase",
     "true in phase 0", "true", "", {}, 3),
    ("system.workers", "system", "P0", "PASS", "Workers and scheduler are alive",
     "2 clusters, the last sign 1.1 s ago", "a sign within 30 s", "", {}, 5),
    ("data.backup_verified", "data", "P0", "FAIL", "A backup was restored and verified",
     "the newest verified one is 31 h old", "younger than 24 h",
     "take a backup now; it is proven within a minute", {"name": "20261125_0900"}, 8),
    ("data.disk_free", "data", "P0", "PASS", "The disk has room", "41.2 GB are free",
     "more than 1 GB", "", {}, 1),
    ("operations.rpc_one", "operations", "P0", "UNKNOWN", "The chain can be asked",
     "no endpoint answered within 3 s", "at least one endpoint answers",
     "check the endpoints in config/venues.yaml and this machine's network", {}, 3_000),
    ("operations.breaker_closed", "operations", "P0", "PASS", "The circuit breaker is closed",
     "closed", "closed", "", {}, 2),
    ("documents.runbook_read", "documents", "P2", "FAIL", "The runbook was read",
     "nobody has stated it", "a statement of a person", "state it on this page", {}, 1),
)  # fmt: skip
PASSING = {
    "security.wallet_balance",
    "data.backup_verified",
    "operations.rpc_one",
    "documents.runbook_read",
}


def gate_world(now):
    """Let a phase have gone on for days, with everything that a page can show."""
    since = now - timedelta(days=4, hours=5)
    Mandate.objects.update_or_create(account="main", defaults={"phase_since": since})
    for number in range(12, 0, -1):
        add_evaluation(now - number * timedelta(hours=8), step=12 - number, since=since)
    evaluation = add_evaluation(now - timedelta(minutes=3), step=12, since=since)
    add_run(now - 2 * DAY, phase=0, good=True)
    run = add_run(now - timedelta(hours=2), phase=0)
    Rollback.objects.create(
        account="main", phase_from=1, phase_to=0, venue="polymarket", cause="KILL_CRITERION",
        reason="one trade lost $2.41; more than $2 ends the phase", state="FINISHED",
        started_at=since, finished_at=since + timedelta(seconds=41), by_name="kill criteria",
    )  # fmt: skip
    state_it(now - DAY, "DEDICATED_WALLET", "made on 12 November, no other use")
    state_it(now - 40 * DAY, "EMERGENCY_PLAN", "walked through it with Anna")
    return {"evaluation": evaluation.pk, "run": run.pk}


def add_evaluation(at, *, step=12, since=None, phase=0, good=False, scope="ALL"):
    """Judge the criteria; values move a little with `step`."""
    row = Evaluation.objects.create(
        account="main", phase=phase, venue="polymarket", scope=scope, at=at, phase_since=since,
        config_sha256="c" * 64, criteria_sha256="d" * 64, software=SOFTWARE,
        sha256="", by_name="jobs", took_ms=184,
    )  # fmt: skip
    counts = {}
    for order, one in enumerate(CRITERIA):
        kind, name, title, unit, verdict, value, micro, bound, sample, least = one[:10]
        sign, number, window, why = one[10:]
        said = "PASS" if good else verdict
        if micro is not None and step < 12:
            micro = max(0, micro - (12 - step) * (micro // 40) + (step % 3) * 9_000)
        CriterionVerdict.objects.create(
            evaluation=row, order=order, kind=kind, criterion=name, verdict=said, value=value,
            definition={
                "id": name, "kind": kind, "text": title, "unit": unit, "comparison": sign,
                "bounds": [number], "window": window, "sample_min": least,
                "metric": METRICS.get(name, ""),
            },
            value_micro=micro, bound=bound, reason=why, window_from=since, window_to=at,
            sample=sample, sample_min=least,
            rows={"trading.MetricSample": [[1, sample]]} if sample else {},
        )  # fmt: skip
        counts.setdefault(kind, {}).setdefault(said, 0)
        counts[kind][said] += 1
    Evaluation.objects.filter(pk=row.pk).update(counts=counts, sha256=evaluation_sha256(row))
    row.refresh_from_db()
    return row


def begin_run(at, *, phase=0):
    """Let a run have begun; it has no result yet."""
    return CheckRun.objects.create(
        account="main", phase=phase, venue="polymarket", planned=len(CHECKS), software=SOFTWARE,
        started_at=at, by_name="otto", profile="live_shadow_atomic_v1 r1",
    )  # fmt: skip


def add_result(run, order, *, good=False):
    """Let one check of a run have seen something."""
    name, category, priority, status, title, reason, needed, remedy, evidence, took = CHECKS[order]
    status = "PASS" if good and name in PASSING else status
    return CheckResult.objects.create(
        run=run, order=order, check_id=name, category=category, priority=priority, status=status,
        title=title, reason=reason, needed=needed, remedy=remedy, evidence=evidence, took_ms=took,
        runbook="before-anything-else",
    )  # fmt: skip


def end_run(run, at, *, good=False):
    """Let a run come to its decision."""
    counts = {}
    for one in run.results.all():
        counts.setdefault(one.priority, {}).setdefault(one.status, 0)
        counts[one.priority][one.status] += 1
    sentence = "every P0 passes and no P1 fails"
    bad = "2 of 7 P0 do not pass: a backup was restored and verified; the chain can be asked"
    CheckRun.objects.filter(pk=run.pk).update(
        state="FINISHED", decision="GO" if good else "NO_GO", sentence=sentence if good else bad,
        finished_at=at, counts=counts,
    )  # fmt: skip
    run.refresh_from_db()
    CheckRun.objects.filter(pk=run.pk).update(sha256=run_sha256(run))
    run.refresh_from_db()
    return run


def add_run(at, *, phase=0, good=False):
    """Let a whole run have been made."""
    run = begin_run(at, phase=phase)
    for order in range(len(CHECKS)):
        add_result(run, order, good=good)
    return end_run(run, at + timedelta(seconds=7), good=good)


def state_it(at, kind, note, *, days=30):
    """Let a person have stated something."""
    return Attestation.objects.create(
        account="main", kind=kind, note=note, by_name="otto", at=at, expires_at=at + days * DAY
    )


def add_promotion(at, *, requested_by):
    """Let somebody have asked for the next phase, with everything that it needs."""
    profile = newest(PHASE_PROFILES[1])
    run = add_run(at - timedelta(hours=1), phase=1, good=True)
    CheckRun.objects.filter(pk=run.pk).update(
        profile=str(profile), profile_sha256=profile.sha256, software=software(),
        config_sha256=config_files_sha256(),
    )  # fmt: skip
    run.refresh_from_db()
    CheckRun.objects.filter(pk=run.pk).update(sha256=run_sha256(run))
    evaluation = add_evaluation(at - timedelta(minutes=2), good=True, since=at - 9 * DAY)
    Evaluation.objects.filter(pk=evaluation.pk).update(
        software=software(), config_sha256=config_files_sha256()
    )
    evaluation.refresh_from_db()
    Evaluation.objects.filter(pk=evaluation.pk).update(sha256=evaluation_sha256(evaluation))
    BackupRun.objects.get_or_create(
        name="20261126_1200",
        defaults={
            "kind": "DAILY", "state": "VERIFIED", "sha256": "f" * 64, "created_by": "jobs",
            "started_at": at - timedelta(hours=2), "verified_at": at - timedelta(hours=2),
        },
    )  # fmt: skip
    why = "nine quiet days, and the replay of each is exact"
    return request_promotion(
        "main", phase=1, venue="polymarket", by=requested_by, reason=why, at=at
    )


def answer(promotion, by, at, *, comment="I went through every criterion"):
    """Let an approver have said yes."""
    word = f"{by.username}-reads-the-books"
    return approve(promotion, by=by, comment=comment, password=word, at=at)


def bare_promotion(at, *, requested_by, state="REQUESTED", needed=2, phase=1):
    """The row of a promotion alone, as a page shows it by itself: it would not hold."""
    profile = newest(PHASE_PROFILES[1])
    run = add_run(at - timedelta(hours=1), phase=phase, good=True)
    evaluation = add_evaluation(at - timedelta(minutes=2), good=True, since=at - 9 * DAY)
    binding = {
        "account": "main", "phase": phase, "venue": "polymarket", "profile": profile.name,
        "profile_revision": profile.revision, "profile_sha256": profile.sha256,
        "config_sha256": "e" * 64, "software": SOFTWARE, "check_run": run.pk,
        "check_run_sha256": run_sha256(run), "evaluation": evaluation.pk,
        "evaluation_sha256": evaluation_sha256(evaluation), "backup": "20261126_1200",
        "backup_sha256": "f" * 64,
    }  # fmt: skip
    return Promotion.objects.create(
        account="main", phase_from=phase - 1, phase=phase, venue="polymarket", state=state,
        profile=profile, check_run=run, evaluation=evaluation, backup="20261126_1200",
        binding=binding, binding_sha256=canonical_sha256(binding),
        reason="nine quiet days, and the replay of each is exact", requested_by=requested_by,
        requested_by_name=requested_by.username, requested_at=at, expires_at=at + DAY,
        approvers_needed=needed,
    )  # fmt: skip


def bare_answer(promotion, by, at, *, said="YES", comment="I went through every criterion"):
    """The row of an answer alone."""
    return Approval.objects.create(
        promotion=promotion, by=by, by_name=by.username, answer=said, comment=comment,
        proof="password", binding_sha256=promotion.binding_sha256, at=at,
    )  # fmt: skip
