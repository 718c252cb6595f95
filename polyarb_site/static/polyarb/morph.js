// Makes a part of the page what the server says it is, and leaves alone what the reader is doing:
// typed text, open forms, the place in the page. What has a data-key is the same thing as before.
"use strict";

(() => {
  const page = window.PolyArb;

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || "" : "");
  const fieldsOf = (element) => page.all("textarea, input[type=text]", element);
  const typed = (element) => fieldsOf(element).some((field) => field.value !== field.defaultValue);

  function same(old, fresh) {
    return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
  }

  // Attributes that the page itself sets while it lives.
  const OWN = new Set(["open", "data-gone-now"]);

  function attributes(old, fresh) {
    for (const { name } of Array.from(old.attributes)) {
      if (!fresh.hasAttribute(name) && !OWN.has(name)) old.removeAttribute(name);
    }
    for (const { name, value } of Array.from(fresh.attributes)) {
      if (old.getAttribute(name) !== value && !(OWN.has(name) && old.isConnected)) old.setAttribute(name, value);
    }
  }

  // Somebody was faster while a text was being written here: the text stays, the button goes.
  function keepUnsent(element) {
    if (element.dataset.goneNow) return;
    element.dataset.goneNow = "1";
    for (const note of page.all("[data-gone]", element)) note.hidden = false;
    for (const button of page.all("button:not([data-close-gone])", element)) button.disabled = true;
    const close = document.createElement("button");
    close.type = "button";
    close.dataset.closeGone = "";
    close.className = "pa-button pa-button-small";
    close.textContent = "Close it";
    close.addEventListener("click", () => element.remove());
    element.append(close);
  }

  function dropped(node) {
    if (node.nodeType === Node.ELEMENT_NODE && typed(node)) keepUnsent(node);
    else node.remove();
  }

  function children(old, fresh) {
    const keyed = new Map(Array.from(old.children, (child) => [keyOf(child), child]).filter(([key]) => key));
    let place = old.firstChild;
    for (const wanted of Array.from(fresh.childNodes)) {
      const key = keyOf(wanted);
      while (place && place.dataset && place.dataset.goneNow && keyOf(place) !== key) place = place.nextSibling;
      const found = key ? keyed.get(key) : place && !keyOf(place) && same(place, wanted) ? place : null;
      if (found && same(found, wanted)) {
        if (found === place) place = place.nextSibling;
        else old.insertBefore(found, place);
        one(found, wanted);
      } else {
        old.insertBefore(wanted, place);
      }
      keyed.delete(key);
    }
    while (place) {
      const next = place.nextSibling;
      if (!(place.dataset && place.dataset.goneNow)) dropped(place);
      place = next;
    }
  }

  function one(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.isEqualNode(fresh) || "keep" in old.dataset) return;
    attributes(old, fresh);
    if (old.nodeName === "TEXTAREA" || "problem" in old.dataset || "gone" in old.dataset) return;
    children(old, fresh);
  }

  const PLACES = 12;

  // Where the reader is: what is being typed into, or else the first things in view that have a
  // key, and how far from the top each of them is. Some of them may be gone afterwards.
  function places(root) {
    const top = page.bar() ? page.bar().getBoundingClientRect().bottom : 0;
    const active = root.contains(document.activeElement) ? [document.activeElement] : [];
    return [...active, ...page.all("[data-key]", root)]
      .map((element) => ({ element, at: element.getBoundingClientRect().top }))
      .filter(({ at }) => at >= top && at < window.innerHeight)
      .slice(0, PLACES);
  }

  // Do something with a part of the page, and leave the reader where they were.
  function keepPlace(root, change) {
    const before = window.scrollY > 0 ? places(root) : [];
    change();
    const kept = before.find(({ element }) => element.isConnected);
    if (!kept) return;
    const moved = kept.element.getBoundingClientRect().top - kept.at;
    if (Math.abs(moved) > 1) window.scrollBy({ top: moved, behavior: "instant" });
  }

  function morph(root, html) {
    const template = document.createElement("template");
    template.innerHTML = html; // made by our own server, escaped there
    page.localise(template.content);
    const active = document.activeElement;
    const inside = root.contains(active) ? active : null;
    children(root, template.content);
    if (inside && inside.isConnected && document.activeElement !== inside) inside.focus({ preventScroll: true });
  }

  page.keepPlace = keepPlace;
  page.morph = morph;
})();
