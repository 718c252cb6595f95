"""Check runs as a history: the newest ones, and what differs between two of them."""

from dataclasses import dataclass

from checks.models import CheckResult, CheckRun

SHOWN_MAX = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One check that came out otherwise than in the run before. Empty: it was not asked there."""

    check_id: str
    title: str
    before: str
    after: str

    @property
    def better(self) -> bool:
        """Whether it passes now and did not before."""
        return self.after == CheckResult.Status.PASS


def recent_runs(account: str) -> list[CheckRun]:
    """Return the newest runs of an account, newest first."""
    return list(CheckRun.objects.filter(account=account).order_by("-id")[:SHOWN_MAX])


def newest_full_run(account: str, phase: int) -> CheckRun | None:
    """Return the newest run of the whole catalogue for a phase, whether it has ended or not."""
    rows = CheckRun.objects.filter(account=account, phase=phase, category="")
    return rows.order_by("-id").first()


def run_before(run: CheckRun) -> CheckRun | None:
    """Return the run of the same question that ended before this one, None for the first."""
    rows = CheckRun.objects.filter(
        account=run.account,
        phase=run.phase,
        venue=run.venue,
        category=run.category,
        state=CheckRun.State.FINISHED,
        id__lt=run.pk,
    )
    return rows.order_by("-id").first()


def differences(before: CheckRun, after: CheckRun) -> list[Difference]:
    """Return which checks came out otherwise, what got worse first."""
    rows = CheckResult.objects.filter(run__in=(before, after)).order_by("run_id", "order")
    old: dict[str, CheckResult] = {}
    new: dict[str, CheckResult] = {}
    for row in rows:
        (old if row.run_id == before.pk else new)[row.check_id] = row
    found = [
        Difference(
            check_id=name,
            title=(new.get(name) or old[name]).title,
            before=old[name].status if name in old else "",
            after=new[name].status if name in new else "",
        )
        for name in {**new, **old}
        if (old[name].status if name in old else "") != (new[name].status if name in new else "")
    ]
    return sorted(found, key=lambda one: one.better)


def sorted_results(run: CheckRun) -> list[CheckResult]:
    """Return what each check of a run saw, in the catalogue's order."""
    return list(run.results.order_by("order"))
