// Shared by all pages: the server's clock, ages that tick, and putting cells on the page.
"use strict";

window.PolyArb = (() => {
  const MINUS = "\u2212";
  const DASH = "\u2013";
  let offsetMs = 0; // how far the server's clock is ahead of ours

  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const bar = () => document.getElementById("pa-bar");
  const nowMs = () => Date.now() + offsetMs;

  function setClock(serverMs) {
    if (Number.isFinite(serverMs)) offsetMs = serverMs - Date.now();
  }

  // As polyarb_site/formats.py does it: whole units, rounded down.
  function age(ms) {
    const past = Math.max(0, Math.floor(ms));
    if (past < 10000) return `${Math.floor(past / 1000)}.${Math.floor((past % 1000) / 100)} s`;
    const seconds = Math.floor(past / 1000);
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
    const days = Math.floor(hours / 24);
    return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
  }

  function money(micro, signed) {
    if (micro === null || micro === undefined) return DASH;
    const size = Math.abs(micro);
    let decimals = 2;
    while (size && decimals < 6 && Math.round(size / 10 ** (6 - decimals)) === 0) decimals += 2;
    const text = (size / 1e6).toLocaleString("en-US", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    return `${micro < 0 ? MINUS : signed && micro > 0 ? "+" : ""}$${text}`;
  }

  const formats = {};
  function formatter(name, options) {
    formats[name] = formats[name] || new Intl.DateTimeFormat("en-GB", options);
    return formats[name];
  }

  // A moment in the viewer's zone; the date only when it is not today, or asked for.
  function localTime(ms, style) {
    if (style === "age") return age(nowMs() - ms);
    const moment = new Date(ms);
    const today = new Date(nowMs()).toDateString() === moment.toDateString();
    const clock = formatter("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(moment);
    if (style === "ms") return `${clock}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
    if (today && style !== "full") return clock;
    const sameYear = moment.getFullYear() === new Date(nowMs()).getFullYear();
    const options = { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) };
    return `${formatter(sameYear ? "day" : "year", options).format(moment)}, ${clock}`;
  }

  function localise(root) {
    for (const element of all("time.pa-time", root)) {
      const ms = Date.parse(element.getAttribute("datetime"));
      if (!Number.isNaN(ms)) element.textContent = localTime(ms, element.dataset.style);
    }
  }

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function apply(cells) {
    const head = bar();
    if (!head || !cells) return;
    setClock(cells.now_ms);
    head.dataset.kind = cells.badge.kind;
    head.dataset.halted = cells.halted ? "1" : "";
    for (const badge of all("[data-badge]")) {
      setText(badge, cells.badge.text);
      badge.dataset.kind = cells.badge.kind;
      badge.title = cells.badge.title;
    }
    for (const link of all("[data-resume], [data-when-halted]")) link.hidden = !cells.halted;
    for (const link of all("[data-todo]")) {
      link.hidden = !cells.todo;
      if (!cells.todo) continue;
      link.href = cells.todo.url;
      setText(link, cells.todo.text);
    }
    for (const banner of all("[data-banner]")) banner.hidden = !(cells.values.banner || {}).text;
    show(cells.values, () => ({ text: DASH, reason: "not known" }));
  }

  // Some of the cells: those of which nothing is told stay as they are.
  function applyValues(values) {
    show(values, () => null);
  }

  function show(values, otherwise) {
    const told = (name) => values[name] || otherwise();
    for (const element of all("[data-cell]")) {
      const cell = told(element.dataset.cell);
      if (!cell) continue;
      element.dataset.tone = cell.tone || "";
      element.dataset.at = cell.at === null || cell.at === undefined ? "" : cell.at;
      element.dataset.staleMs = cell.stale_ms || "";
      element.dataset.tick = cell.tick ? "1" : "";
      element.dataset.reason = cell.reason || "";
      element.title = cell.title || cell.reason || "";
      if (!cell.tick) setText(element, cell.text);
      if (element.classList.contains("pa-moment")) element.title = cell.text;
    }
    for (const element of all("[data-tone-of]")) {
      const cell = told(element.dataset.toneOf);
      if (cell) element.dataset.tone = cell.tone || "";
    }
    for (const element of all("[data-reason-of]")) {
      const cell = told(element.dataset.reasonOf);
      if (cell) setText(element, cell.reason || "");
    }
    for (const element of all("[data-bar-of]")) {
      const cell = told(element.dataset.barOf);
      if (!cell) continue;
      const share = (cell.permille || 0) / 10;
      element.dataset.tone = cell.tone || "";
      element.setAttribute("aria-valuenow", Math.floor(share));
      element.setAttribute("aria-valuetext", cell.text || DASH);
      element.firstElementChild.style.width = `${share}%`;
    }
    tick();
  }

  // Everything that changes by time alone: ages, and what has become too old to be believed.
  function tick() {
    const now = nowMs();
    const lost = document.documentElement.classList.contains("pa-lost");
    for (const element of all("[data-cell]")) {
      const at = Number(element.dataset.at);
      if (!element.dataset.at) {
        element.dataset.old = "";
        continue;
      }
      if (element.dataset.tick) setText(element, age(now - at));
      else if (element.classList.contains("pa-moment")) setText(element, localTime(at));
      const limit = Number(element.dataset.staleMs);
      element.dataset.old = limit && now - at > limit ? "1" : "";
    }
    for (const element of all('time[data-style="age"]')) {
      setText(element, age(now - Date.parse(element.getAttribute("datetime"))));
    }
    for (const element of all("[data-age-of]")) {
      const cell = document.querySelector(`[data-cell="${element.dataset.ageOf}"]`);
      const known = cell && cell.dataset.at && cell.textContent !== DASH;
      const old = known && (cell.dataset.old || lost);
      setText(element, old ? `${age(now - Number(cell.dataset.at))} old` : "");
    }
  }

  function cookie(name) {
    const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
    return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
  }

  async function getJson(url) {
    const answer = await fetch(url, {
      headers: { Accept: "application/json" },
      credentials: "same-origin",
      cache: "no-store",
    });
    if (answer.redirected || answer.status === 401 || answer.status === 403) {
      throw Object.assign(new Error("signed out"), { signedOut: true });
    }
    if (!answer.ok) throw new Error(`the portal answered ${answer.status}`);
    return answer.json();
  }

  function start() {
    const head = bar();
    if (head) setClock(Number(head.dataset.nowMs) + (performance.now() - responseStart()));
    localise(document);
    if (!head) return;
    tick();
    setInterval(tick, 1000);
  }

  // When the page's bytes had come: the server's time in them is as old as this.
  function responseStart() {
    const [navigation] = performance.getEntriesByType("navigation");
    return navigation ? navigation.responseStart : 0;
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();

  return { age, all, apply, applyValues, bar, cookie, getJson, localTime, localise, money, nowMs, setClock, tick };
})();
