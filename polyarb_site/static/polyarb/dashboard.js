// The dashboard: the curve with its ranges, and rows that slide in on top without moving the rest.
"use strict";

(() => {
  const page = window.PolyArb;
  const REFRESH_MS = 1000; // rows are fetched at most this often, however much is pushed
  const FUNNEL_MS = 4000;
  const CURVE_MS = 60000;
  const ROWS_MAX = 12;
  let root = null;
  let removeChart = null;
  let chosen = "24h";
  let due = null;
  let fetchedMs = 0;
  let funnelMs = 0;
  let funnelDue = null;

  function fill(template) {
    const element = document.createElement("template");
    element.innerHTML = template; // made by our own server, escaped there
    return element.content;
  }

  function showCurve(data) {
    if (removeChart) removeChart();
    removeChart = null;
    const container = document.getElementById("pa-curve");
    const empty = root.querySelector("[data-curve-empty]");
    const sentence = root.querySelector("[data-curve-sentence]");
    empty.hidden = !data.empty;
    empty.textContent = data.sentence;
    sentence.hidden = data.empty;
    sentence.textContent = data.sentence;
    const rows = data.table.map((row) => {
      const line = document.createElement("tr");
      for (const text of [page.localTime(row.at * 1000), page.money(row.realised_micro, true), page.money(row.drawdown_micro)]) {
        const cell = document.createElement("td");
        cell.className = "pa-num";
        cell.textContent = text;
        line.append(cell);
      }
      return line;
    });
    root.querySelector("[data-curve-table]").replaceChildren(...rows);
    root.querySelector(".pa-chart-table").hidden = data.empty;
    root.querySelector("[data-curve-legend]").hidden = data.empty;
    for (const button of page.all("[data-range]", root)) {
      button.setAttribute("aria-pressed", button.dataset.range === data.range ? "true" : "false");
    }
    if (!data.empty) removeChart = window.PolyArbChart.show(container, data);
  }

  async function readCurve() {
    try {
      showCurve(await page.getJson(`${root.dataset.curveUrl}?range=${chosen}`));
    } catch {
      // What is drawn stays; the header says that nothing answers.
    }
  }

  const key = (row) => `${row.dataset.kind}-${row.dataset.pk}`;

  // Rows that are there are renewed in place, new ones come on top, and the reader stays put.
  function merge(list, html, most = ROWS_MAX) {
    const fresh = Array.from(fill(html).children);
    const shown = new Map(Array.from(list.children).map((row) => [key(row), row]));
    const before = list.getBoundingClientRect();
    let added = 0;
    for (const row of fresh.reverse()) {
      page.localise(row);
      const old = shown.get(key(row));
      if (old) {
        if (old.innerHTML !== row.innerHTML) old.replaceWith(row);
        continue;
      }
      row.classList.add("pa-new");
      list.prepend(row);
      added += 1;
    }
    while (list.children.length > most) list.lastElementChild.remove();
    const grown = list.getBoundingClientRect().height - before.height;
    if (added && before.top < 0 && grown > 0 && !CSS.supports("overflow-anchor", "auto")) scrollBy(0, grown);
    const empty = root.querySelector(`[data-empty-of="${list.dataset.rows}"]`);
    if (empty) empty.hidden = list.children.length > 0;
  }

  // A funnel that took long to count is kept by the server for a while: read it again after that.
  function renewFunnel(ms) {
    clearTimeout(funnelDue);
    funnelDue = null;
    if (!ms) return;
    funnelDue = setTimeout(() => {
      funnelDue = null;
      funnelMs = 0;
      soon();
    }, ms);
  }

  async function refresh() {
    due = null;
    fetchedMs = Date.now();
    try {
      const all = fetchedMs - funnelMs > FUNNEL_MS;
      if (all) funnelMs = fetchedMs;
      else if (!funnelDue) renewFunnel(funnelMs + FUNNEL_MS + 50 - fetchedMs);
      const told = await page.getJson(root.dataset.rowsUrl + (all ? "?funnel" : ""));
      merge(root.querySelector('[data-rows="opportunities"]'), told.opportunities);
      merge(root.querySelector('[data-rows="sets"]'), told.sets, 6);
      merge(root.querySelector('[data-rows="events"]'), told.events);
      if (!all) return;
      renewFunnel(told.funnel_renew_ms);
      root.querySelector("[data-funnel]").replaceChildren(fill(told.funnel));
      root.querySelector("[data-quality]").replaceChildren(fill(told.quality));
    } catch {
      // The header says that nothing answers.
    }
  }

  function soon() {
    if (due) return;
    due = setTimeout(refresh, Math.max(0, fetchedMs + REFRESH_MS - Date.now()));
  }

  function start() {
    root = document.getElementById("pa-dashboard");
    if (!root) return;
    showCurve(JSON.parse(document.getElementById("pa-curve-data").textContent));
    for (const button of page.all("[data-range]", root)) {
      button.addEventListener("click", () => {
        chosen = button.dataset.range;
        readCurve();
      });
    }
    setInterval(readCurve, CURVE_MS);
    renewFunnel(Number(root.dataset.funnelRenewMs));
    document.addEventListener("polyarb:facts", (event) => {
      soon();
      const ended = event.detail.some((facts) =>
        (facts.rows || []).some((row) => ["MERGED", "REDEEMED", "UNWOUND"].includes(row.state)),
      );
      if (ended) readCurve();
    });
    document.addEventListener("polyarb:acts", soon);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
