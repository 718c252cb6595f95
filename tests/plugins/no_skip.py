"""A pytest plugin for CI: a skipped test fails the run.

A skip that nobody sees is a test that nobody has. On a developer's machine a missing browser skips
what needs it; in CI everything is there, so a skip means that the set-up is broken. Activated with
`-p tests.plugins.no_skip`, which the Makefile adds when POLYARB_CI_NO_SKIP is set.
"""

import pytest


class _Collector:
    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # An expected failure is reported as skipped too, but it did run.
        if report.skipped and not hasattr(report, "wasxfail"):
            longrepr = report.longrepr
            reason = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
            self.reasons[report.nodeid] = reason

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.reasons and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.reasons:
            return
        terminalreporter.section("skipped, and no test may be skipped here", red=True)
        for nodeid, reason in sorted(self.reasons.items()):
            terminalreporter.line(f"{nodeid}: {reason}")
        terminalreporter.line("Remedy: install what the reason names, in .ci/run for CI.")


def pytest_configure(config: pytest.Config) -> None:
    """Listen in the process that decides the exit status, not in the workers of xdist."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collector(), "polyarb-no-skip-collector")
