"""Start the engine live, as a promotion allows."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from checks.services.starting import Plan, start_live
from polyarb_site.clock import SystemClock
from polyarb_site.commands import REFUSED, PortalCommand, shell_name
from reports.services.daily import make_stop_report
from trading.selectors.promoting import phase_name
from trading.selectors.runs import last_token
from trading.selectors.stops import stops_since
from trading.services import ServiceRefused, base_config
from trading.services.live import LIVE_VENUES

COUNTDOWN_S = 5


class Command(PortalCommand):
    """Looks at everything anew, shows what will run, counts down, starts it and follows it."""

    help = (
        "Start the engine live, by the approved promotion or by the grant in force. Runs the "
        "checks and takes a backup first. Ctrl-C during the countdown changes nothing; later it "
        "only stops watching, and stop_engine ends the run."
    )
    refusals = (ServiceRefused,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is expected to start: anything else is refused."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--phase", type=int, help="the phase that you expect it to start in")
        parser.add_argument("--venue", choices=LIVE_VENUES, help="the venue that you expect")
        parser.add_argument("--user", default="", help="your account in the portal, for the audit")
        parser.add_argument("--reason", default="")
        parser.add_argument(
            "--skip-countdown", action="store_true", help="start at once; the audit says so"
        )
        parser.add_argument("--detach", action="store_true", help="do not wait for the stop")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, then follow the run and make its report."""
        del args
        account, clock = options["account"], SystemClock()
        by, name = _who(options["user"])
        base_config()  # refuses a damaged config.yaml before anything starts
        before, began = last_token(account), clock.now()
        self.stdout.write("running the checks and taking a backup ...")
        self.stdout.flush()

        def ready(plan: Plan) -> None:
            self._show(plan)
            self._count_down(skip=options["skip_countdown"])

        start_live(
            account,
            phase=options["phase"],
            venue=options["venue"],
            by=by,
            by_name=name,
            reason=options["reason"],
            skip_countdown=options["skip_countdown"],
            ready=ready,
        )
        self.stdout.write("started")
        if options["detach"]:
            return
        call_command("follow_engine", account=account, after=before, stdout=self.stdout)
        for stop in stops_since(account, began, clock.now()):
            report = make_stop_report(stop, by_name=name)
            self.stdout.write(f"\n{report.markdown}", ending="")

    def _show(self, plan: Plan) -> None:
        """Show what will run, by what it is allowed, and what is dangerous about it."""
        money = "play money" if plan.venue == "simulator" else "REAL MONEY"
        how = "by the grant in force of" if plan.restart else "by"
        lines = [
            f"LIVE with {money}: {plan.account} in phase {plan.phase}, {phase_name(plan.phase)}",
            f"venue       {plan.venue}",
            f"profile     {plan.profile} ({plan.profile.sha256[:12]})",
            *(f"  {name:<32} {value}" for name, value in plan.limits.items()),
            f"allowed     {how} promotion {plan.promotion.pk}: {plan.promotion.reason}",
            f"asked by    {plan.promotion.requested_by_name}",
            f"approved by {', '.join(plan.approvers)}",
            f"checks      run {plan.check_run.pk}: {plan.check_run.sentence}",
            f"backup      {plan.backup}, verified and kept",
            *(f"risk        {text}" for text in plan.risks),
            f"data        {settings.DATA_DIR}",
        ]
        for line in lines:
            self.stdout.write(line)

    def _count_down(self, *, skip: bool) -> None:
        """Give people a last chance. Raises CommandError when they take it."""
        if skip:
            self.stdout.write("countdown skipped")
            return
        try:
            for left in range(COUNTDOWN_S, 0, -1):
                self.stdout.write(f"starting in {left} s, Ctrl-C ends it")
                self.stdout.flush()
                time.sleep(1)
        except KeyboardInterrupt as interrupt:
            raise CommandError(
                "ended before the start; nothing was changed\n"
                "  the promotion can still be used: manage.py start_live",
                returncode=REFUSED,
            ) from interrupt


def _who(username: str) -> tuple[User | None, str]:
    """Return the account that somebody named, and how the audit names them."""
    if not username:
        return None, shell_name()
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(
            f"there is no account {username[:150]!r}\n  give the name you log in with",
            returncode=REFUSED,
        )
    return user, f"{user.get_username()} ({shell_name()})"
