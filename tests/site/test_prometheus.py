"""A real Prometheus reads /metrics, and its own checker finds nothing to complain of."""

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from alerts.models import Watch
from polyarb_site.clock import SystemClock
from polyarb_site.rest import tokens
from tests.api.alert_building import make_alert, make_channel, make_delivery
from tests.api.building import make_opportunity, make_sample, make_session
from tests.helpers.installation import wait_for
from trading.models import EngineLease

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
needs_prometheus = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL), reason="needs Debian's package prometheus"
)
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: polyarb
    authorization: {{type: {kind}, credentials_file: {token_file}}}
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture
def unused_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@pytest.fixture
def token(viewer, mandate, profile):
    """The token of somebody who may read; an engine trades, and an alert fires."""
    now = SystemClock().now()
    session = make_session(profile, at=now)
    counts = {"requests": 40, "errors": 3, "disagreed": 0, "went_back": 0}
    rpc = [{"name": "rpc.one", "block": 77, **counts}]
    make_sample(session, at=now, rpc=rpc, order_sent_session_p50_us=900)
    make_opportunity(session)
    EngineLease.objects.create(account="main", owner="h:1:a", token=1, expires_ns=2**62)
    make_alert()
    make_delivery(make_channel("night shift"))
    Watch.objects.create(name="JUDGE", beat_at=now)
    return tokens.issue(viewer, by_name="test")


def read(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read()


@needs_prometheus
def test_promtool_finds_nothing_to_complain_of(token, live_server):
    text = read(f"{live_server.url}/metrics", Authorization=f"Bearer {token}")

    done = subprocess.run(
        [str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, check=False
    )

    assert (done.stdout.decode(), done.stderr.decode(), done.returncode) == ("", "", 0)
    assert b"polyarb_alerts{" in text


@needs_prometheus
@pytest.mark.parametrize("kind", ["Bearer", "Token"])
def test_prometheus_scrapes_with_a_token_from_a_file(
    kind, token, live_server, tmp_path, unused_port
):
    token_file, config = tmp_path / "token", tmp_path / "prometheus.yml"
    token_file.write_text(token)
    target = urllib.parse.urlsplit(live_server.url).netloc
    config.write_text(CONFIG.format(kind=kind, token_file=token_file, target=target))
    asked = f"http://127.0.0.1:{unused_port}/api/v1/query?"
    with subprocess.Popen(
        [
            *(str(PROMETHEUS), f"--config.file={config}"),
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{unused_port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as prometheus:
        try:

            def value(query):
                """Return the one value of a query, None as long as there is none."""
                time.sleep(0.2)
                try:
                    answer = read(asked + urllib.parse.urlencode({"query": query}))
                except OSError:  # it has not started yet
                    return None
                found = json.loads(answer)["data"]["result"]
                return found[0]["value"][1] if found else None

            firing = 'polyarb_alerts{level="CRITICAL",state="FIRING"}'
            assert wait_for(lambda: value(firing), 40, "a scrape")[0] == "1"
            assert value('up{job="polyarb"}') == "1"
            assert value('polyarb_deliveries_unsent{channel="night shift"}') == "1"
        finally:
            prometheus.terminate()
