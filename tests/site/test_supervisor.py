"""The supervisor with real processes: restart, order of stopping, hurry, and no orphans."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from polyarb_site.children import Child, Program
from polyarb_site.clock import SystemClock
from polyarb_site.supervisor import Supervisor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DUTIFUL = (
    "import signal,time\nsignal.signal(signal.SIGTERM,lambda *a:exit(0))\nprint('up',flush=1)\n"
)
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM,signal.SIG_IGN)\nprint('up',flush=1)\n"
SLEEP = "import time\ntime.sleep(60)\n"


def program(name, code, grace_s=5.0, hurried_grace_s=0.3, **variables):
    return Program(
        name=name,
        command=[sys.executable, "-c", code],
        variables=variables,
        grace_s=grace_s,
        hurried_grace_s=hurried_grace_s,
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Rig:
    """A supervisor whose stop is asked for by a thread, since it owns the main one."""

    def __init__(self, tmp_path):
        self.said = []
        self.logs = tmp_path / "logs"
        self.supervisor = Supervisor(
            log_dir=self.logs, say=lambda *words: self.said.append(words), clock=SystemClock()
        )

    def run(self, script):
        """Run, and call `script` in a thread once everything was started."""
        failed = []

        def play():
            try:
                script()
            except BaseException as error:  # noqa: BLE001 - shown by the test, not lost here
                failed.append(error)
            finally:
                self.supervisor.request_stop()

        orderly = self.supervisor.run(lambda: threading.Thread(target=play).start())
        if failed:
            raise failed[0]
        return orderly

    def heard(self, name, word):
        return any(who == name and word in text for who, text in self.said)

    def log(self, name):
        path = self.logs / f"{name}.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


class TestSupervisor:
    def test_it_stops_in_the_order_in_which_programs_were_added(self, rig):
        for name in ("engine", "jobs", "web"):
            rig.supervisor.add(program(name, DUTIFUL + SLEEP))

        orderly = rig.run(lambda: until(lambda: all("up" in rig.log(n) for n in ("engine", "web"))))

        assert orderly
        assert [who for who, text in rig.said if text == "stopped"] == ["engine", "jobs", "web"]

    def test_what_dies_is_started_again(self, rig):
        rig.supervisor.add(program("web", DUTIFUL + SLEEP))

        def script():
            assert until(lambda: "up" in rig.log("web"))
            first = rig.supervisor.pids()["web"]
            os.kill(first, signal.SIGKILL)
            assert until(lambda: rig.supervisor.pids().get("web") not in (None, first))
            assert until(lambda: rig.log("web").count("up") == 2)

        assert rig.run(script)
        assert rig.heard("web", "died (exit status -9)")
        assert rig.heard("web", "started again")

    def test_what_dies_at_once_is_started_with_longer_and_longer_pauses(self, rig):
        rig.supervisor.add(program("web", "exit(3)"))
        rig.run(lambda: until(lambda: rig.heard("web", "in 2 s")))
        assert rig.heard("web", "in 1 s")
        assert rig.heard("web", "in 2 s")

    def test_what_does_not_stop_in_time_is_killed(self, rig):
        rig.supervisor.add(program("web", STUBBORN + SLEEP, grace_s=0.4))
        pids = []

        def script():
            assert until(lambda: "up" in rig.log("web"))
            pids.append(rig.supervisor.pids()["web"])

        assert not rig.run(script)
        assert not alive(pids[0])
        assert rig.heard("web", "killed")

    def test_a_second_request_shortens_the_grace(self, rig):
        rig.supervisor.add(program("web", STUBBORN + SLEEP, grace_s=60))
        times = []

        def script():
            assert until(lambda: "up" in rig.log("web"))
            rig.supervisor.request_stop()  # the first; the second comes when the script ends
            times.append(time.monotonic())

        assert not rig.run(script)
        assert time.monotonic() - times[0] < 10

    def test_a_process_that_no_longer_works_is_restarted(self, rig, monkeypatch):
        monkeypatch.setattr("polyarb_site.supervisor.PROBE_EVERY_S", 0.1)
        monkeypatch.setattr("polyarb_site.supervisor.PROBE_GRACE_S", 0.1)
        answers = iter([True, False])
        rig.supervisor.add(program("jobs", DUTIFUL + SLEEP), lambda: next(answers, True))
        rig.run(lambda: until(lambda: rig.heard("jobs", "started again")))
        assert rig.heard("jobs", "does not answer")

    def test_loud_lines_are_told_and_every_line_is_kept(self, rig):
        code = DUTIFUL + "print('x ERROR y',flush=1)\nprint('quiet',flush=1)\n" + SLEEP
        rig.supervisor.add(program("web", code))
        rig.run(lambda: until(lambda: "quiet" in rig.log("web")))
        assert rig.heard("web", "x ERROR y")
        assert not rig.heard("web", "quiet")

    def test_what_a_killed_child_left_behind_is_killed_too(self, rig):
        code = (
            "import subprocess,sys\n"
            f"p=subprocess.Popen([sys.executable,'-c',{SLEEP!r}])\nprint('pid',p.pid,flush=1)\n"
        ) + SLEEP
        rig.supervisor.add(program("jobs", code))
        left = []

        def script():
            assert until(lambda: "pid" in rig.log("jobs"))
            left.append(int(rig.log("jobs").split()[1]))

        rig.run(script)
        assert until(lambda: not alive(left[0]))

    def test_variables_reach_the_child(self, rig):
        code = DUTIFUL + "import os\nprint(os.environ['Q_CLUSTER_NAME'],flush=1)\n" + SLEEP
        rig.supervisor.add(program("engine", code, Q_CLUSTER_NAME="engine"))
        rig.run(lambda: until(lambda: "engine" in rig.log("engine")))
        assert "engine" in rig.log("engine")


def test_children_do_not_outlive_a_parent_that_is_killed(tmp_path):
    code = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from polyarb_site.children import Child, Program
        program = Program(name="web", command=[sys.executable, "-c", {SLEEP!r}], variables={{}},
                          grace_s=1, hurried_grace_s=1)
        print(Child(program, Path({str(tmp_path)!r}), print).pid, flush=True)
        time.sleep(60)
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    assert alive(pid)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert until(lambda: not alive(pid))


def test_a_log_does_not_grow_without_bound(tmp_path, monkeypatch):
    monkeypatch.setattr("polyarb_site.children.LOG_BYTES_MAX", 2_000)
    code = "for n in range(3000): print('line', n, flush=True)\n"
    child = Child(program("web", code), tmp_path, lambda *_: None)
    assert child.wait(20)
    child.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 4 * 2_200
    assert "line 2999" in (tmp_path / "web.log").read_text()
