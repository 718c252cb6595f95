"""How the page of a rollback looks in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS, a_portal

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def going_down():
    with a_portal() as running:
        running.number = running.do("rollback")["number"]
        yield running


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_how_it_looks(going_down, look, size, theme):
    page = look(going_down, f"/admin/rollbacks/{going_down.number}/", size=size, theme=theme)

    expect(page.locator("[data-step]")).to_have_count(8)
    expect(page.locator('[data-state="FAILED"]')).to_contain_text("What to do")
    assert sideways(page) <= 0
    page.screenshot(path=SCREENSHOTS / f"rollback-{theme}-{size['width']}.png", full_page=True)
