"""The runbook in a real browser: readable on a phone, and an alert's link lands on its section."""

import pytest

from tests.browser.checks import sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SECTION = "#rule-reconciliation_mismatch"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_link_of_an_alert_lands_below_the_header(portal, look, size, theme):
    page = look(portal, f"/admin/runbook/{SECTION}", size=size, theme=theme)

    heading = page.locator(SECTION)
    page.wait_for_timeout(300)
    page.screenshot(path=SCREENSHOTS / f"runbook-{theme}-{size['width']}.png")
    bar, box = page.locator("#pa-bar").bounding_box(), heading.bounding_box()
    assert bar["y"] + bar["height"] <= box["y"] < size["height"] / 2
    assert sideways(page) <= 0
    text = page.locator(".pa-runbook-text").bounding_box()
    assert text["width"] >= min(size["width"] * 0.85, 600)
