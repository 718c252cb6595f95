"""Days of shadow on the local venue's flow, with what the jobs of each night leave behind.

    python -m tests.helpers.fast_week DAYS

plays so many days that end now into the database and data directory of the environment, whose
portal has been seeded. The only row that is set by hand is since when the phase has lasted.
"""

import sys
from datetime import timedelta

import django

TICKS = 2
STEP = timedelta(seconds=60 - TICKS / 4)


def play(days, *, now, say=lambda _text: None):
    """Let so many days before `now` pass in shadow; return how many sets were merged.

    Each step ends on a whole minute, for what is kept of a sample for long is that of each minute.
    """
    from reports.services.daily import make_report
    from tests.helpers.clocks import FixedClock
    from tests.helpers.fast_time import FastShadow
    from trading.models import ArbitrageSet, Mandate
    from trading.services import start_shadow
    from trading.services.replays import replay_due

    now = now.replace(second=0, microsecond=0)
    start = now - timedelta(days=days, hours=1)
    clock = FixedClock(start)
    Mandate.objects.update(phase_since=start)
    start_shadow("main", feed="simulator", by=None, by_name="fast week", at=start)
    while clock.now() < now:
        midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        ends = min(midnight + timedelta(days=1), now)
        session = FastShadow(clock, seed=clock.now().day, step=STEP, ticks=TICKS).start()
        session.run_until(ends)
        session.stop()
        if ends < now:
            day = (ends - timedelta(seconds=1)).date()
            make_report("main", day, by_name="fast week", at=ends + timedelta(minutes=5))
            replay_due(FixedClock(ends + timedelta(minutes=25)), lambda: False)
            say(f"{day}: {ArbitrageSet.objects.filter(state='MERGED').count()} sets merged")
    return ArbitrageSet.objects.filter(state="MERGED").count()


def main():
    """Play what the command line says."""
    django.setup()
    from polyarb_site.clock import SystemClock

    play(int(sys.argv[1]), now=SystemClock().now(), say=print)


if __name__ == "__main__":
    main()
