"""What must hold of every page, asked of the browser itself."""

OVERLAPS = """
(selector) => {
  const shown = [...document.querySelectorAll(selector)].filter((element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const folded = !element.checkVisibility(); // what a closed fold hides still has a box
    return box.width > 1 && box.height > 1 && style.visibility !== "hidden" && !folded;
  });
  // What is fixed to the window lies over the page on purpose; its own parts must not overlap.
  const fixed = (element) => {
    for (let one = element; one; one = one.parentElement) {
      if (getComputedStyle(one).position === "fixed") return true;
    }
    return false;
  };
  const name = (element) => element.className + ":" + element.textContent.trim().slice(0, 30);
  const found = [];
  for (let i = 0; i < shown.length; i += 1) {
    for (let j = i + 1; j < shown.length; j += 1) {
      if (shown[i].contains(shown[j]) || shown[j].contains(shown[i])) continue;
      if (fixed(shown[i]) !== fixed(shown[j])) continue;
      const a = shown[i].getBoundingClientRect();
      const b = shown[j].getBoundingClientRect();
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 1) found.push(`${name(shown[i])} | ${name(shown[j])}`);
    }
  }
  return found;
}
"""

# A number stands with its unit: in its own text, or in the short phrase that it is part of.
BARE_NUMBERS = """
() => {
  const amount = /[$¢%]|\\d\\s?(ms|µs|s|min|h|d)\\b/;
  const noun = /(share|gap|set|frame|[Aa]lert|done|old|Phase|row|day|crash|check|sample)/;
  const trouble = /(problem|critical)/;
  const unit = new RegExp([amount, noun, trouble].map((one) => one.source).join("|"));
  const clock = /\\d\\d:\\d\\d/;
  const found = [];
  const places = ".pa-num, .pa-cell, .pa-stat-main, .pa-facts dd";
  for (const element of document.querySelectorAll(places)) {
    const own = element.textContent.trim();
    if (!/\\d/.test(own)) continue;
    let around = element;
    let said = false;
    for (let step = 0; step < 3 && around && !said; step += 1) {
      const text = around.textContent.replace(/\\s+/g, " ").trim();
      said = text.length < 120 && (unit.test(text) || clock.test(text));
      around = around.parentElement;
    }
    if (!said) found.push(`${element.dataset.cell || element.className}: ${own}`);
  }
  return found;
}
"""

CUT_OFF = """
(selector) => [...document.querySelectorAll(selector)]
  .filter((element) => {
    const box = element.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) return false;
    return box.left < -1 || box.right > innerWidth + 1;
  })
  .map((element) => element.className)
"""


def sideways(page):
    """Return by how many pixels the page can be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def overlaps(page, selector):
    """Return which of these elements lie on each other."""
    return page.evaluate(OVERLAPS, selector)


def cut_off(page, selector):
    """Return which of these elements stick out of the window."""
    return page.evaluate(CUT_OFF, selector)


def bare_numbers(page):
    """Return the numbers that stand without a unit."""
    return page.evaluate(BARE_NUMBERS)
