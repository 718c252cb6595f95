"""From a week of shadow to live sets and back, as people see it: pages, forms, passwords.

The same portal as in tests/chaos/test_week.py; here three people click, and look at what they did.
"""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.checks import sideways
from tests.browser.conftest import DESK, SCREENSHOTS
from tests.chaos.week import Week
from tests.helpers.evm import needs_npm
from tests.helpers.installation import wait_for

pytestmark = [
    pytest.mark.browser,
    needs_npm,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(600),
]


@pytest.fixture
def week(tmp_path, run_folder):
    """A portal that has been in shadow for a week."""
    made = Week(tmp_path / "data", f"week_{uuid.uuid4().hex[:12]}", run_folder / "a week of shadow")
    yield made
    made.end()


class Person:
    """Somebody with a browser of their own, logged in by the form."""

    def __init__(self, browser, week, name):
        base = f"http://127.0.0.1:{week.web_port}"
        self.context = browser.new_context(viewport=DESK, base_url=base)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.goto("/admin/login/?next=/admin/")
        self.page.locator("input[name=username]").fill(name)
        self.word = f"{name}-reads-the-books"
        self.page.locator("input[name=password]").fill(self.word)
        self.page.locator("[type=submit]").first.click()
        self.page.wait_for_url("**/admin/")

    def shot(self, name):
        assert sideways(self.page) <= 0
        self.page.screenshot(path=SCREENSHOTS / f"week-{name}.png", full_page=True)


def test_three_people_take_it_live_and_it_comes_back_by_itself(browser, week):
    week.start_week()
    week.prepare()
    week.backed_up()
    week.go()
    assert week.judged()[0] == []

    otto = Person(browser, week, "otto")
    otto.page.goto("/admin/phases/")
    otto.shot("1-ladder")
    otto.page.goto("/admin/phases/request/")
    otto.shot("2-request")
    otto.page.locator("#pa-ask-reason").fill("seven quiet days")
    otto.page.get_by_role("button", name="Ask for the promotion").click()
    otto.page.wait_for_url("**/admin/promotions/*/")
    promotion = otto.page.url

    for name in ("anna", "bert"):
        person = Person(browser, week, name)
        person.page.goto(promotion)
        person.page.locator("#pa-answer-text").fill("I read each day")
        person.page.locator("#pa-answer-password").fill(person.word)
        person.page.get_by_role("button", name="Approve").first.click()
        expect(person.page.locator("[data-part=top]")).to_contain_text(f"{name}: approved")
        person.shot(f"3-approved-by-{name}")
        person.context.close()

    week.call("engine/stop", body={"reason": "to go live"})
    week.stopped()
    otto.page.goto(promotion)
    otto.page.locator("#pa-start-text").fill("two said yes, and we watch")
    otto.page.get_by_role("button", name="Start live").click()
    wait_for(week.live_merged, 180, "a live set that merged")
    otto.page.goto("/admin/")
    expect(otto.page.locator(".pa-bar-phase")).to_contain_text("Micro-Live")
    otto.shot("4-live")

    week.call("incidents", body={"title": "a laptop with the portal's password was stolen"})
    week.rolled_back()
    otto.page.goto("/admin/rollbacks/1/")
    expect(otto.page.locator("body")).to_contain_text("Tell people")
    otto.shot("5-rolled-back")
    otto.page.goto("/admin/phases/")
    expect(otto.page.locator("[data-state=present] > summary")).to_contain_text("Shadow Production")
    otto.shot("6-ladder-after")
    assert week.open_sets() == []
