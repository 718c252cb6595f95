// The pages about gates: current after each push, row by row while checks run. What is shown is
// what the server says now; forms stand outside of what is renewed, so nothing typed is touched.
"use strict";

(() => {
  const page = window.PolyArb;
  const RUNNING_MS = 600; // between two readings while checks run
  const CALM_MS = 15000;
  const AGAIN_MS = 250;
  let root = null;
  let reading = false;
  let wanted = false;
  let due = null;

  const fields = () => page.all("textarea, input[type=password]", root);
  const busy = () =>
    fields().some((field) => field.value !== field.defaultValue || field === document.activeElement) ||
    page.all("details.pa-gt-act[open]", root).length > 0 ||
    root.querySelector("#pa-refused") !== null;

  // What can be done has changed: the forms that were served are for another state.
  function changed() {
    if (!busy()) {
      location.reload();
      return;
    }
    root.querySelector("[data-gone-stale]").hidden = false;
  }

  function take(told) {
    page.setClock(told.now_ms);
    page.keepPlace(root, () => {
      for (const part of page.all("[data-part]", root)) {
        if (told[part.dataset.part] !== undefined) page.morph(part, told[part.dataset.part]);
      }
    });
    root.dataset.readMs = told.now_ms;
    page.tick();
    countdown();
    if (told.stamp !== root.dataset.stamp) changed();
  }

  function plan() {
    clearTimeout(due);
    const running = root.querySelector("[data-running='1']") !== null;
    due = setTimeout(() => (document.visibilityState === "visible" ? read() : plan()), running ? RUNNING_MS : CALM_MS);
  }

  async function read() {
    if (reading) {
      wanted = true;
      return;
    }
    reading = true;
    try {
      take(await page.getJson(root.dataset.liveUrl));
    } catch {
      // The header says that nothing answers; what is shown stays, and turns grey.
    } finally {
      reading = false;
      plan();
      if (wanted) {
        wanted = false;
        setTimeout(read, AGAIN_MS);
      }
    }
  }

  function countdown() {
    for (const element of page.all("[data-until]", root)) {
      const left = Date.parse(element.dataset.until) - page.nowMs();
      const text = left > 0 ? `in ${page.age(left)}` : "its time is over";
      if (element.textContent !== text) element.textContent = text;
    }
  }

  function opened(event) {
    const details = event.target;
    if (!details.open || !details.matches(".pa-gt-act")) return;
    const field = details.querySelector("textarea");
    if (field && !field.value) field.focus();
  }

  // A button that was pressed is not pressed twice; coming back to the page frees it again.
  function submitted(event) {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    const busy = form.querySelector("[data-busy]"); // for what takes long: say so at once
    if (busy) busy.textContent = busy.dataset.busy;
  }

  function start() {
    root = document.getElementById("pa-gates");
    if (!root) return;
    root.addEventListener("toggle", opened, true);
    root.addEventListener("submit", submitted);
    window.addEventListener("pageshow", () => {
      for (const form of page.all("form[data-sent]", root)) delete form.dataset.sent;
    });
    if (!root.dataset.liveUrl) return;
    setInterval(countdown, 1000);
    countdown();
    for (const topic of ["acts", "missed", "connected"]) document.addEventListener(`polyarb:${topic}`, read);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && read());
    plan();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
