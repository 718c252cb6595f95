// The alert centre: current at once after each push, and after each time that we were away. What is
// shown is always what the server says now; a push only says that it is worth asking.
"use strict";

(() => {
  const page = window.PolyArb;
  const AGAIN_MS = 250; // between two readings, however much is pushed
  const CHARTS_MS = 20000;
  let root = null;
  let reading = false;
  let wanted = false;
  let charted = "";

  async function read() {
    if (reading) {
      wanted = true;
      return;
    }
    reading = true;
    try {
      const told = await page.getJson(root.dataset.liveUrl + location.search);
      page.setClock(told.now_ms);
      page.keepPlace(root, () => {
        for (const part of page.all("[data-part]", root)) {
          if (told[part.dataset.part] !== undefined) page.morph(part, told[part.dataset.part]);
        }
      });
      root.dataset.readMs = told.now_ms;
      page.tick();
      readChartsIfNew();
    } catch {
      // The header says that nothing answers; what is shown stays, and turns grey.
    } finally {
      reading = false;
      if (wanted) {
        wanted = false;
        setTimeout(read, AGAIN_MS);
      }
    }
  }

  const rulesShown = () => page.all("[data-chart]", root).map((element) => element.dataset.chart).sort().join(" ");

  function readChartsIfNew() {
    if (rulesShown() !== charted) readCharts();
  }

  async function readCharts() {
    const rules = rulesShown();
    charted = rules;
    if (!rules) return;
    try {
      const query = rules.split(" ").map((rule) => `rule=${encodeURIComponent(rule)}`).join("&");
      const told = await page.getJson(`${root.dataset.chartsUrl}?${query}`);
      for (const element of page.all("[data-chart]", root)) {
        const chart = told.charts[element.dataset.chart];
        window.PolyArbAlertChart.show(element, chart, false);
        const said = element.parentElement.querySelector("[data-chart-said]");
        if (said && chart) said.textContent = chart.sentence ? `last hour, ${chart.sentence}` : "last hour";
      }
    } catch {
      charted = "";
    }
  }

  function showInline() {
    for (const element of page.all("[data-chart-inline]", root)) {
      const chart = JSON.parse(document.getElementById(element.dataset.chartInline).textContent);
      window.PolyArbAlertChart.show(element, chart, true);
    }
  }

  // A form of an alert: sent without leaving the page; what is refused is said where it was typed.
  async function send(form) {
    const problem = form.querySelector("[data-problem]");
    const buttons = page.all("button", form);
    for (const button of buttons) button.disabled = true;
    problem.hidden = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRFToken": page.cookie("csrftoken") },
        body: new FormData(form),
        credentials: "same-origin",
      });
      if (answer.headers.get("Content-Type") !== "application/json") {
        form.submit(); // something between us and the view: the plain form shows what it is
        return;
      }
      const told = await answer.json();
      if (told.done) {
        form.reset();
        const details = form.closest("details");
        if (details) details.open = false;
        if ("reload" in form.dataset) location.reload();
        else await read();
        return;
      }
      problem.textContent = `${told.message[0].toUpperCase()}${told.message.slice(1)}: ${told.remedy}.`;
      problem.hidden = false;
    } catch {
      problem.textContent = "The portal did not answer. Your text is still here; send it again.";
      problem.hidden = false;
    } finally {
      for (const button of buttons) button.disabled = Boolean(form.closest("[data-gone-now]"));
    }
  }

  function submitted(event) {
    const form = event.target.closest("[data-act-form]");
    if (!form || event.defaultPrevented) return;
    event.preventDefault();
    send(form);
  }

  function opened(event) {
    const details = event.target;
    if (details.open && details.matches(".pa-al-act")) {
      const field = details.querySelector("textarea");
      if (field) field.focus();
    }
  }

  function filter(event) {
    const form = event.target.closest("[data-filters]");
    if (form && event.target.matches("select")) form.requestSubmit();
  }

  // Only the fields of the chosen kind. Without scripts all are there, and say whose they are.
  function showKinds() {
    for (const form of page.all("[data-kinds]", root)) {
      const { value } = form.querySelector("[name=kind]");
      for (const field of page.all("[data-only]", form)) {
        field.hidden = !field.dataset.only.split(" ").includes(value);
      }
    }
  }

  function start() {
    root = document.getElementById("pa-alerts");
    if (!root) return;
    showInline();
    readCharts();
    root.addEventListener("submit", submitted);
    root.addEventListener("toggle", opened, true);
    root.addEventListener("change", filter);
    root.addEventListener("change", showKinds);
    showKinds();
    if (!page.all("[data-part]", root).length) return;
    document.addEventListener("polyarb:alerts", read);
    document.addEventListener("polyarb:missed", read);
    document.addEventListener("polyarb:connected", read);
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      readCharts();
      read(); // values move on without a push
    }, CHARTS_MS);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
