"""The alert centre as a browser shows it."""

from playwright.sync_api import expect

CENTRE = "/admin/alerts/"


def connected(page):
    expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "live")
    return page


def cards(page):
    """The alerts that the page shows, in its order."""
    found = page.eval_on_selector_all("[data-alert]", "all => all.map((one) => one.dataset.alert)")
    return [int(one) for one in found]


def shows(page, *numbers):
    for number in numbers:
        expect(page.locator(f"[data-alert='{number}']")).to_have_count(1)
    expect(page.locator("[data-alert]")).to_have_count(len(numbers))
