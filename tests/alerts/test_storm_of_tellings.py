"""Two hundred rules, fifty of them flapping: few messages, a bounded queue, a cheap round."""

import time

import pytest

from alerts.models import Alert, Delivery
from alerts.services.telling import tell_round
from tests.alerts.telling import alert, at, channel, fire_again, revision

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
RULES, FLAPPING, SECONDS = 200, 50, 120


def test_a_storm_is_told_in_few_messages_and_none_of_it_is_forgotten():
    channel("one")
    channel("two")
    levels = ("CRITICAL", "WARNING")
    rows = [
        alert(f"RULE_{number}", rule=revision(f"RULE_{number}", severity=levels[number % 2]))
        for number in range(RULES)
    ]
    costs_s = []
    for second in range(SECONDS):
        for row in rows[:FLAPPING]:
            if second % 2:
                fire_again(row, second)
        began = time.perf_counter()
        tell_round(at(second))
        costs_s.append(time.perf_counter() - began)

    fired = RULES + FLAPPING * SECONDS // 2
    told = sum(len(row.alert_ids) for row in Delivery.objects.filter(channel_name="one"))
    suppressed = sum(Alert.objects.values_list("suppressed", flat=True))
    assert told == RULES + FLAPPING  # each once, and the flapping ones once more after a minute
    assert told + suppressed == fired  # every firing was told or counted
    assert Delivery.objects.filter(channel_name="one").count() <= 20
    assert sorted(costs_s)[SECONDS // 2] < 0.5  # of a second; it takes a tenth of that
