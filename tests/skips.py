"""In CI a skipped test is a failure: whatever is missing there has to be installed (scripts/install_test_peers.sh)."""

import os

import pytest


def fail_on_skips(session: pytest.Session) -> None:
    """Makes a session in CI that skipped something a failed one, and names what it skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    if not skipped:
        return
    reporter.ensure_newline()
    for report in skipped:
        reporter.write_line(f"FAILED {report.nodeid}: in CI nothing may be skipped", red=True)
    if session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
