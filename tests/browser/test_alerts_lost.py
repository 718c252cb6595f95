"""The alert centre after a lost connection, in two tabs, and the browser's own notifications."""

import json
import shutil
import subprocess
import time

import pytest
from playwright.sync_api import expect

from tests.browser.centre import CENTRE, cards, connected, shows
from tests.browser.conftest import a_portal, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = ("WS_DISCONNECTED", "LATENCY_P95_HIGH", "LOW_BALANCE")
HEAR = """
document.addEventListener("polyarb:alerts", (event) => {
  window.heard = [...(window.heard || []), ...event.detail.map((one) => one.message)];
});
"""
# What a notification of the browser would be, kept where every tab sees it.
NOTIFY = """
window.Notification = class {
  static permission = localStorage.asked || "default";
  static async requestPermission() {
    localStorage.asked = "granted";
    window.Notification.permission = "granted";
  }
  constructor(title, options) {
    const shown = JSON.parse(localStorage.shown || "[]");
    localStorage.shown = JSON.stringify([...shown, [title, options.body]]);
  }
  close() {}
};
"""


class TestAfterALostConnection:
    def test_a_server_that_was_killed_leaves_nothing_out_and_nothing_twice(self, calm, look):
        page = connected(look(calm, CENTRE, user="otto", quiet=False))
        page.evaluate(HEAR)
        tab = page.context.new_page()
        tab.goto(CENTRE)
        connected(tab)
        before = calm.do("fire", rule="LOW_BALANCE")
        shows(page, before)

        calm.stop()
        ended = calm.do("fire", rule="RPC_UNHEALTHY")
        meanwhile = [calm.do("fire", rule=rule) for rule in ("WS_DISCONNECTED", "LATENCY_P95_HIGH")]
        calm.do("end", alert=ended)
        calm.do("acknowledge", alert=before, by="adam", comment="while you were away")
        expect(page.locator("[data-connection-text]").first).to_contain_text(
            "last seen", timeout=30_000
        )
        calm.start()

        for one in (page, tab):
            shows(one, before, *meanwhile)
            expect(one.locator(f"[data-alert='{before}']")).to_contain_text("while you were away")
            expect(one.locator("#pa-bar [data-cell=alerts_bar]")).to_have_text("1 crit 1 warn")
        assert cards(page) == cards(tab)
        connected(page)
        after = calm.do("fire", rule="POSITION_LIMIT_NEAR")
        shows(page, before, *meanwhile, after)
        heard = page.evaluate("window.heard")
        assert len(heard) == len(set(heard)), "no message is told twice"
        assert heard == sorted(heard)

    def test_a_connection_that_breaks_is_caught_up_message_by_message(self, calm, look):
        page = connected(look(calm, CENTRE))
        sockets = []

        def through(socket):
            sockets.append(socket)
            socket.connect_to_server()

        page.route_web_socket("**/ws/live/", through)
        page.reload()
        connected(page)
        page.evaluate(HEAR)
        numbers = [calm.do("fire", rule="LOW_BALANCE")]
        shows(page, *numbers)

        sockets[-1].close()
        numbers += [calm.do("fire", rule=rule) for rule in ("WS_DISCONNECTED", "RPC_UNHEALTHY")]

        shows(page, *numbers)
        connected(page)
        page.wait_for_function("window.heard.length >= 3")
        heard = page.evaluate("window.heard")
        assert len(heard) == len(set(heard)) == 3

    def test_two_tabs_agree(self, calm, look):
        one = connected(look(calm, CENTRE, user="otto"))
        other = one.context.new_page()
        other.goto(CENTRE)
        connected(other)

        numbers = [calm.do("fire", rule=rule) for rule in RULES]
        calm.do("acknowledge", alert=numbers[1], by="adam", comment="mine")

        for page in (one, other):
            shows(page, *numbers)
            expect(page.locator(f"[data-alert='{numbers[1]}']")).to_contain_text("adam has it")
        assert cards(one) == cards(other)


class TestNotifications:
    def test_a_critical_notifies_once_however_many_tabs_are_open(self, calm, look):
        page = look(calm, CENTRE)
        page.context.add_init_script(NOTIFY)
        page.reload()
        connected(page)
        page.get_by_text("Notify me in this browser").click()
        expect(page.locator("[data-notify]")).to_contain_text("Notifying in this browser")
        tab = page.context.new_page()
        tab.goto("/admin/")  # another page of the portal notifies as well
        connected(tab)

        calm.do("fire", rule="LOW_BALANCE")
        critical = calm.do("fire", rule="WS_DISCONNECTED")
        shows(page, *[number for number, *_ in calm.do("alerts")])
        calm.do("acknowledge", alert=critical, by="adam", comment="mine")
        expect(tab.locator("#pa-bar [data-cell=alerts_bar]")).to_have_text("1 warn")
        time.sleep(0.5)  # for a second one that must not come

        shown = json.loads(page.evaluate("localStorage.shown"))
        assert [title for title, _ in shown] == ["CRITICAL: WS_DISCONNECTED"]
        assert "ws_connected is false" in shown[0][1]

    def test_nobody_is_asked_before_they_press_the_button(self, calm, look):
        page = look(calm, CENTRE)
        page.context.add_init_script(NOTIFY)
        page.reload()
        connected(page)

        calm.do("fire", rule="WS_DISCONNECTED")
        expect(page.locator("[data-alert]")).to_have_count(1)

        assert page.evaluate("localStorage.shown || ''") == ""
        assert page.evaluate("localStorage.asked || ''") == ""


@pytest.mark.redis
def test_on_the_layer_of_redis_two_tabs_are_told_and_catch_up(look, tmp_path):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; on Debian: apt-get install redis-server")
    port = free_port()
    options = ("--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(tmp_path))
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        with a_portal(REDIS_URL=f"redis://127.0.0.1:{port}/0") as portal:
            portal.do("world")
            page = connected(look(portal, CENTRE, user="otto", quiet=False))
            tab = page.context.new_page()
            tab.goto(CENTRE)
            connected(tab)
            numbers = [portal.do("fire", rule="LOW_BALANCE")]
            shows(page, *numbers)
            portal.stop()
            numbers.append(portal.do("fire", rule="WS_DISCONNECTED"))
            portal.start()

            for one in (page, tab):
                shows(one, *numbers)
                connected(one)
            numbers.append(portal.do("fire", rule="RPC_UNHEALTHY"))
            for one in (page, tab):
                shows(one, *numbers)
            assert cards(page) == cards(tab)
    finally:
        server.kill()
        server.wait(10)
