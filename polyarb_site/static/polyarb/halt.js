// The halt dialog. Without this file the button is a link to a page with the same form.
"use strict";

(() => {
  const page = window.PolyArb;
  const UNREACHABLE =
    "The portal did not answer, so it is not known whether trading is halted. Press again, or halt " +
    "on the machine itself: manage.py emergency_stop, or make the file KILL in the data directory.";

  async function post(form) {
    return fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": page.cookie("csrftoken") },
      body: new FormData(form),
      credentials: "same-origin",
    });
  }

  function show(problem, text) {
    problem.textContent = text;
    problem.hidden = false;
  }

  async function halt(form) {
    const button = form.querySelector("[data-halt-now]");
    const problem = form.querySelector("[data-halt-problem]");
    problem.hidden = true;
    button.disabled = true;
    try {
      const answer = await post(form);
      const told = answer.headers.get("Content-Type") === "application/json" ? await answer.json() : null;
      if (told && told.halted) {
        page.apply(told.cells);
        form.reset();
        // By the file alone, while the database is away: then the header cannot show it.
        if (told.cells.halted) form.closest("dialog").close();
        else show(problem, told.message);
        return;
      }
      // Something between us and the view: the plain form shows what it is.
      if (!told) {
        form.submit();
        return;
      }
      show(problem, told.message);
    } catch {
      show(problem, UNREACHABLE);
    } finally {
      button.disabled = false;
    }
  }

  function open() {
    const dialog = document.getElementById("pa-halt-dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  function start() {
    if (!page.bar()) return;
    for (const link of page.all("[data-halt]")) {
      link.setAttribute("role", "button");
      link.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        open();
      });
    }
    for (const form of page.all("[data-halt-form]")) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        halt(form);
      });
    }
    for (const button of page.all("[data-close-dialog]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    for (const dialog of page.all("dialog.pa-dialog")) {
      dialog.addEventListener("click", (event) => {
        if (event.target === dialog) dialog.close(); // the backdrop
      });
    }
  }

  page.openHalt = open;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
