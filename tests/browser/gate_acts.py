"""What an actor does to gates: check runs, promotions, approvals."""


class GateActs:
    """Mixed into the actor; imports late, for Django is set up by then."""

    def gate_world(self):
        """Let criteria have been judged, checks have run, and a way down have been taken."""
        from tests.browser.gating import gate_world

        return gate_world(self._now())

    def run_of_checks(self):
        """Let a run of the checks have begun."""
        from polyarb_site.live.send import publish
        from tests.browser.gating import begin_run

        run = begin_run(self._now())
        publish("state", {"account": "main", "what": "checks.run"}, at=self._now())
        return run.pk

    def result_of_check(self, run, order):
        """Let one check of a run have seen something."""
        from checks.models import CheckRun
        from tests.browser.gating import add_result

        add_result(CheckRun.objects.get(pk=run), order)

    def end_of_checks(self, run):
        """Let a run have come to its decision."""
        from checks.models import CheckRun
        from tests.browser.gating import end_run

        end_run(CheckRun.objects.get(pk=run), self._now())

    def promotion(self, yes=()):
        """Let otto have asked for the next phase, and these people have said yes."""
        from datetime import timedelta

        from django.contrib.auth.models import User

        from checks.models import Promotion
        from tests.browser.gating import add_promotion, answer

        now = self._now()
        Promotion.objects.filter(state__in=("REQUESTED", "APPROVED")).update(
            state="WITHDRAWN", ended_at=now, end_reason="another one is asked for"
        )
        asker = User.objects.get(username="otto")
        row = add_promotion(now - timedelta(hours=3, minutes=20), requested_by=asker)
        for name in yes:
            row = answer(row, User.objects.get(username=name), now - timedelta(minutes=12))
        return row.pk

    def yes(self, promotion, name):
        """Let somebody have said yes to a promotion, and the pages be told."""
        from django.contrib.auth.models import User

        from checks.models import Promotion
        from polyarb_site.live.send import publish
        from tests.browser.gating import answer

        row = Promotion.objects.get(pk=promotion)
        answer(row, User.objects.get(username=name), self._now())
        publish("state", {"account": "main", "what": "promotion.approve"}, at=self._now())

    def approvers(self, number):
        """Let so many approvals be enough."""
        from checks.models import ApprovalSetting

        ApprovalSetting.objects.update_or_create(
            account="main",
            defaults={
                "approvers_needed": number, "changed_by": "adam", "changed_at": self._now(),
                "reason": "I am alone until January",
            },
        )  # fmt: skip
