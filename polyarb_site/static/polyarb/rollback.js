// The page of a rollback: read again after each push that something was done, and every other
// second while it goes on, so that a push that was missed costs nothing.
"use strict";

(() => {
  const page = window.PolyArb;
  const AGAIN_MS = 2000;
  let root = null;
  let reading = false;

  async function read() {
    if (reading) return;
    reading = true;
    try {
      const told = await page.getJson(root.dataset.liveUrl);
      page.setClock(told.now_ms);
      for (const part of page.all("[data-part]", root)) {
        if (told[part.dataset.part] !== undefined) page.morph(part, told[part.dataset.part]);
      }
      root.dataset.running = String(told.running);
      page.tick();
    } catch {
      // The header says that nothing answers; what is shown stays, and turns grey.
    } finally {
      reading = false;
    }
  }

  function start() {
    root = document.getElementById("pa-rollback");
    if (!root) return;
    for (const what of ["acts", "connected", "missed"]) {
      document.addEventListener(`polyarb:${what}`, read);
    }
    setInterval(() => {
      if (root.dataset.running === "true") read();
    }, AGAIN_MS);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
