// Keyboard: g and a letter goes somewhere, / searches, h opens the halt dialog, ? lists all this.
"use strict";

(() => {
  const page = window.PolyArb;
  const SECOND_KEY_MS = 1200;
  let firstAt = 0;

  function typing(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  function dialogOpen() {
    return document.querySelector("dialog[open]") !== null;
  }

  function search(event) {
    const field = document.getElementById("searchbar");
    event.preventDefault();
    if (field) field.focus();
    else window.dispatchEvent(new CustomEvent("opencommand"));
  }

  function go(key) {
    const link = document.querySelector(`#pa-keys-dialog [data-key="${CSS.escape(key)}"]`);
    if (link) location.assign(link.href);
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialogOpen()) return;
    const second = Date.now() - firstAt < SECOND_KEY_MS;
    firstAt = 0;
    if (second) go(event.key);
    else if (event.key === "g") firstAt = Date.now();
    else if (event.key === "/") search(event);
    else if (event.key === "h") {
      event.preventDefault();
      page.openHalt();
    } else if (event.key === "?") document.getElementById("pa-keys-dialog").showModal();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();

  function start() {
    if (page.bar()) document.addEventListener("keydown", press);
  }
})();
