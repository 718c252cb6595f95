// A notification of the browser for each CRITICAL that begins to fire, once however many tabs are
// open: the tabs share a list of what was told, and take turns at it.
"use strict";

(() => {
  const page = window.PolyArb;
  const KEY = "polyarb-told";
  const KEPT = 300;

  const supported = () => "Notification" in window && window.isSecureContext;

  function told() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) || [];
    } catch {
      return [];
    }
  }

  const eventOf = (alert) => (alert.count ? `${alert.alert}:${alert.count}` : `m${alert.message}`);

  function show(alert) {
    const shown = new Notification(`CRITICAL: ${alert.rule}`, {
      body: alert.text || "It fires. Trading is stopped.",
      tag: `polyarb-${eventOf(alert)}`,
      requireInteraction: true,
    });
    shown.onclick = () => {
      window.focus();
      location.assign(`/admin/alerts/${alert.alert}/`);
      shown.close();
    };
  }

  function once(alert) {
    const event = eventOf(alert);
    const known = told();
    if (known.includes(event)) return;
    localStorage.setItem(KEY, JSON.stringify([...known, event].slice(-KEPT)));
    show(alert);
  }

  function take(event) {
    if (!supported() || Notification.permission !== "granted") return;
    for (const alert of event.detail) {
      if (alert.what !== "alert.firing" || alert.level !== "CRITICAL") continue;
      if (navigator.locks) navigator.locks.request(KEY, () => once(alert));
      else once(alert);
    }
  }

  // Too much was missed to be told one by one: whatever is critical now, and was not told yet.
  async function takeMissed() {
    if (!supported() || Notification.permission !== "granted") return;
    try {
      const told = await page.getJson("/admin/alerts/critical/");
      take({ detail: told.alerts });
    } catch {
      // The next connection asks again.
    }
  }

  function say(text) {
    for (const element of page.all("[data-notify-said]")) element.textContent = text;
  }

  function offer(button) {
    const state = supported() ? Notification.permission : "unsupported";
    const label = button.querySelector("[data-notify-text]");
    button.hidden = false;
    if (state === "default") return;
    button.disabled = true;
    if (state === "granted") {
      label.textContent = "Notifying in this browser";
      say("of every CRITICAL, while a page of the portal is open");
    } else if (state === "denied") {
      label.textContent = "Notifications are blocked";
      say("allow them for this address in the browser's settings");
    } else {
      label.textContent = "No notifications here";
      say(window.isSecureContext ? "this browser cannot show them" : "browsers show them over HTTPS only");
    }
  }

  function start() {
    document.addEventListener("polyarb:alerts", take);
    document.addEventListener("polyarb:missed", takeMissed);
    for (const button of page.all("[data-notify]")) {
      button.addEventListener("click", async () => {
        await Notification.requestPermission();
        offer(button);
      });
      offer(button);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
