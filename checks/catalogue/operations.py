"""Checks of this host and of who is told: Python, memory, processor, messages, the kill switch."""

import platform
import sys
import time
from datetime import timedelta
from typing import Any

import psutil
from django.conf import settings

from alerts.selectors.channels import ChannelTest, channel_tests
from alerts.selectors.heartbeat import heartbeat
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
)
from checks.catalogue.venue import VENUE_CHECKS
from polyarb_site import formats
from trading.selectors.last_figures import last_breaker
from trading.services.host_probes import kill_file_is_set, kill_file_problem

PYTHON_MIN = (3, 11)
GB = 1_000_000_000
MEMORY_BYTES_MIN = 2 * GB
CPU_PERCENT_MAX = 50
CPU_SECONDS = 1.0
TEST_AGE_MAX = timedelta(days=7)
BEAT_AGE_MAX = timedelta(minutes=3)  # a sign of life is given every minute
SAMPLE_AGE_MAX = timedelta(seconds=15)  # of an engine that runs; it writes one every second
NAMED_MAX = 5


def python_version(scene: Scene) -> Seen:
    """Look at the Python that runs this."""
    del scene
    seen, needed = sys.version_info[:2], ".".join(map(str, PYTHON_MIN))
    facts: dict[str, Any] = {"version": platform.python_version(), "needed": needed}
    judge = passed if seen >= PYTHON_MIN else failed
    return judge(f"this is Python {platform.python_version()}", **facts)


def memory(scene: Scene) -> Seen:
    """Ask the host how much memory a program could still have."""
    del scene
    seen = psutil.virtual_memory()
    facts: dict[str, Any] = {"available_bytes": seen.available, "total_bytes": seen.total}
    told = f"{seen.available * 10 // GB / 10:.1f} of {seen.total * 10 // GB / 10:.1f} GB are free"
    judge = passed if seen.available > MEMORY_BYTES_MIN else failed
    return judge(told, **facts)


def processor(scene: Scene) -> Seen:
    """Measure for a second how busy all cores together are with anything but these checks."""
    del scene
    before = _cpu_seconds()
    time.sleep(CPU_SECONDS)
    total, busy, own = (
        later - earlier for later, earlier in zip(_cpu_seconds(), before, strict=True)
    )
    if total <= 0:
        return unknown("this host does not say how busy it is")
    permille = max(0, round((busy - own) * 1_000 / total))
    facts: dict[str, Any] = {
        "permille": permille,
        "own_permille": round(own * 1_000 / total),
        "cores": psutil.cpu_count() or 0,
    }
    judge = passed if permille < CPU_PERCENT_MAX * 10 else failed
    return judge(
        f"all cores together were busy for {permille / 10:.0f} % of a second, these checks left"
        " out",
        **facts,
    )


def _cpu_seconds() -> tuple[float, float, float]:
    """Return the time of all cores, that in which they worked, and that of this process."""
    host, own = psutil.cpu_times(), psutil.Process().cpu_times()
    # Guests are counted in the time of users already.
    guests = getattr(host, "guest", 0.0) + getattr(host, "guest_nice", 0.0)
    total = sum(host) - guests
    idle = host.idle + getattr(host, "iowait", 0.0)
    return total, total - idle, own.user + own.system


def message_test(scene: Scene) -> Seen:
    """Look for a channel whose test arrived, at the address that it has now."""
    found = channel_tests()
    facts: dict[str, Any] = {
        "channels": [_channel_facts(one) for one in found[:20]],
        "count": len(found),
    }
    if not found:
        return failed("nobody would be told: no channel is switched on", **facts)
    good = [one for one in found if _arrived(one, scene)]
    if not good:
        named = ", ".join(one.name for one in found[:NAMED_MAX])
        return failed(
            f"no test arrived within 7 days, at its present address, over {named}",
            remedy="Press Test on the page Channels, and look in Deliveries what became of it.",
            **facts,
        )
    newest = max(one.tested_at for one in good if one.tested_at is not None)
    return passed(
        f"{len(good)} of {formats.plural(len(found), 'channel')} work, the newest test arrived"
        f" {formats.age(formats.ms_between(newest, scene.now))} ago",
        **facts,
    )


def _arrived(one: ChannelTest, scene: Scene) -> bool:
    if one.tested_at is None or one.failing_since is not None:
        return False
    return timedelta() <= scene.now - one.tested_at <= TEST_AGE_MAX


def _channel_facts(one: ChannelTest) -> dict[str, str | None]:
    return {
        "name": one.name,
        "kind": one.kind,
        "tested_at": one.tested_at.isoformat() if one.tested_at else None,
        "failing_since": one.failing_since.isoformat() if one.failing_since else None,
    }


def heartbeat_path(scene: Scene) -> Seen:
    """Look whether the newest sign of life was taken by whoever waits for it."""
    seen = heartbeat(scene.now)
    facts: dict[str, Any] = {
        "wanted": seen.wanted,
        "taken_at": seen.taken_at.isoformat() if seen.taken_at else None,
        "loops_healthy": seen.loops_healthy,
    }
    if not seen.wanted:
        return failed("nobody would notice that this host died: no address is set", **facts)
    if not seen.loops_healthy:
        return failed(
            "no sign of life is given, because rules are not judged or messages not sent",
            remedy="Start the jobs cluster: make run, or manage.py up.",
            **facts,
        )
    if seen.taken_at is None:
        return failed("no sign of life was ever taken", **facts)
    age = formats.age(formats.ms_between(seen.taken_at, scene.now))
    if not timedelta() <= scene.now - seen.taken_at <= BEAT_AGE_MAX:
        return failed(f"the newest sign of life was taken {age} ago", **facts)
    return passed(f"a sign of life was taken {age} ago", **facts)


def breaker_closed(scene: Scene) -> Seen:
    """Look at the breaker in the newest figures of the newest engine on this venue."""
    seen = last_breaker(scene.account, scene.venue)
    if seen is None:
        return unknown(f"no engine has run on the feed {scene.venue} yet")
    facts: dict[str, Any] = {
        "session": seen.session_key,
        "running": seen.running,
        "state": seen.state,
        "at": seen.at.isoformat() if seen.at else None,
    }
    if seen.state is None or seen.at is None:
        return unknown(f"{seen.session_key} has written no figures", **facts)
    age = formats.age(formats.ms_between(seen.at, scene.now))
    if seen.state != "CLOSED":
        return failed(f"the breaker of {seen.session_key} is {seen.state}, {age} ago", **facts)
    if seen.running and scene.now - seen.at > SAMPLE_AGE_MAX:
        return unknown(f"{seen.session_key} should run, and says nothing since {age}", **facts)
    ended = "" if seen.running else " when it ended"
    return passed(f"the breaker of {seen.session_key} was CLOSED{ended}, {age} ago", **facts)


def kill_switch(scene: Scene) -> Seen:
    """Make a file where the kill file would lie."""
    del scene
    facts: dict[str, Any] = {"file": str(settings.KILL_FILE), "set": kill_file_is_set()}
    problem = kill_file_problem()
    if problem:
        return failed(f"{settings.KILL_FILE.name} could not be made: {problem}", **facts)
    if facts["set"]:
        return passed(f"{settings.KILL_FILE.name} is there, and halts this machine", **facts)
    return passed(f"a file was written where {settings.KILL_FILE.name} would lie", **facts)


OPERATIONS = Category.OPERATIONS
CHECKS: tuple[Check, ...] = (
    Check(
        id="operations.python",
        category=OPERATIONS,
        title="Python is new enough",
        needed="3.11 or newer",
        remedy="Install a newer one, then: make install PYTHON=/path/to/python3.11.",
        runbook="software",
        priorities=everywhere(Priority.P1),
        look=python_version,
    ),
    *VENUE_CHECKS,
    Check(
        id="operations.memory",
        category=OPERATIONS,
        title="Memory is free",
        needed="more than 2 GB",
        remedy="End what else runs on this host, or give it more memory.",
        runbook="memory-and-load",
        priorities=everywhere(Priority.P1),
        look=memory,
    ),
    Check(
        id="operations.processor",
        category=OPERATIONS,
        title="The processor has room",
        needed="less than 50 % over a second, these checks left out",
        remedy="End what else runs on this host, or give it more cores.",
        runbook="memory-and-load",
        priorities=everywhere(Priority.P1),
        look=processor,
    ),
    Check(
        id="operations.message_test",
        category=OPERATIONS,
        title="People can be told",
        needed="a channel whose test arrived within 7 days",
        remedy="Add a webhook or another channel on the page Channels, and press Test.",
        runbook="channels-and-heartbeat",
        priorities=everywhere(Priority.P1),
        look=message_test,
    ),
    Check(
        id="operations.heartbeat",
        category=OPERATIONS,
        title="Somebody would notice the death of this host",
        needed="a sign of life taken within 3 min",
        remedy="Set POLYARB_HEARTBEAT_URL to an address that raises the alarm when it is silent.",
        runbook="channels-and-heartbeat",
        priorities=everywhere(Priority.P1),
        look=heartbeat_path,
    ),
    Check(
        id="operations.breaker_closed",
        category=OPERATIONS,
        title="The circuit breaker is closed",
        needed="CLOSED, as the newest engine on this feed says",
        remedy="Find out why sets failed, then press Close the breaker on the mandate's page.",
        runbook="circuit-breaker",
        priorities=everywhere(Priority.P0),
        look=breaker_closed,
    ),
    Check(
        id="operations.kill_switch",
        category=OPERATIONS,
        title="The kill file can be made",
        needed="a file can be made durable in the data directory",
        remedy="Give the portal's user the data directory, or move it with POLYARB_DATA_DIR.",
        runbook="resume-trading",
        priorities=everywhere(Priority.P0),
        look=kill_switch,
    ),
)
