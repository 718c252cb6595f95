"""From a week of shadow to live trading and back, by the API alone, on a portal as people start it.

The week is played in fast time on the local venue; from then on everything is real: the processes,
the checks, the approvals, the backup, the engine, the orders on the local venue and its chain.
"""

import uuid

import pytest

from tests.chaos.week import SAFE, Week
from tests.helpers.evm import needs_npm
from tests.helpers.installation import wait_for

pytestmark = [needs_npm, pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(600)]


@pytest.fixture
def week(tmp_path, run_folder):
    """A portal that has been in shadow for a week."""
    made = Week(tmp_path / "data", f"week_{uuid.uuid4().hex[:12]}", run_folder / "a week of shadow")
    yield made
    made.end()


def test_a_week_of_shadow_a_promotion_live_sets_a_breach_and_the_way_back(week):
    week.start_week()
    refused = week.call("promotions", body={"venue": "simulator", "reason": "now"}, ends=(409,))
    assert refused["error"]["code"]

    week.prepare()
    week.backed_up()
    run = week.go()
    bad, _ = week.judged()
    assert bad == []
    assert run["phase"] == 1
    ladder = week.call("phases")
    assert "Micro-Live" in ladder["sentence"]

    promotion = week.promote()
    assert promotion["state"] == "APPROVED"
    week.call("engine/stop", body={"reason": "to go live"})
    week.stopped()
    week.call("start_live", body={"reason": "two said yes"})
    wait_for(lambda: week.count("MERGED") > 0 and week.live_merged(), 180, "a live set that merged")
    status = week.call("status")
    assert status["phase"]["number"] == 1

    week.call("incidents", body={"title": "a laptop with the portal's password was stolen"})
    rollback = week.rolled_back()
    assert (rollback["phase_from"], rollback["phase_to"]) == (1, 0)
    assert rollback["cause"] == "KILL_CRITERION"
    done = {one["name"]: one["state"] for one in rollback["steps"]}
    assert set(done.values()) == {"DONE"}, rollback["steps"]
    assert week.open_sets() == []
    after = week.call("status")
    assert (after["phase"]["number"], after["halted"]["halted"]) == (0, True)
    assert week.call(f"promotions/{promotion['id']}")["state"] == "CONSUMED"
    refused = week.call("start_live", body={"reason": "again"}, ends=(409,))
    assert refused["error"]["code"] in ("HALTED", "NO_PROMOTION", "NOT_PROMOTED")
    backups = week.call("backups?limit=10")["items"]
    assert {"PRE_LIVE", "INCIDENT"} <= {one["kind"] for one in backups}
    assert SAFE in str(promotion)
