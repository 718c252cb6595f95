// Keeps the page's state current: a WebSocket, and slow reading while it cannot be had. What is
// shown is never older than the header says: when nothing answers, everything turns grey.
"use strict";

(() => {
  const PING_MS = 4000;
  const SILENCE_MS = 9000; // without an answer the connection counts as lost
  const BACKOFF_MS = [300, 800, 2000, 4000, 8000, 15000];
  const POLL_MS = 4000;

  const page = window.PolyArb;
  let socket = null;
  let attempt = 0;
  let lastId = null;
  let heardMs = 0; // by our own clock
  let pings = 0;
  let reading = false;
  let wanted = false; // somebody asked while a reading was under way
  let signedOut = false;
  let reconnect = null;

  function heard() {
    heardMs = Date.now();
    setLost(false);
  }

  function setLost(lost) {
    const { classList } = document.documentElement;
    if (classList.contains("pa-lost") !== lost) classList.toggle("pa-lost", lost);
  }

  function show(state, text) {
    for (const element of page.all("[data-connection]")) {
      element.dataset.connection = state;
      const label = element.querySelector("[data-connection-text]");
      if (label.textContent !== text) label.textContent = text;
    }
  }

  function showConnection() {
    const open = socket && socket.readyState === WebSocket.OPEN;
    const silence = Date.now() - heardMs;
    if (signedOut) {
      setLost(true);
      show("lost", "signed out, log in again");
    } else if (silence > SILENCE_MS) {
      setLost(true);
      show("lost", `last seen ${page.age(silence)} ago`);
    } else if (open) {
      show("live", "live");
    } else {
      show("polling", "reconnecting");
    }
  }

  async function readState() {
    if (reading) {
      wanted = true;
      return;
    }
    reading = true;
    try {
      const told = await page.getJson(page.bar().dataset.stateUrl);
      heard();
      if (lastId === null) lastId = told.last_id;
      page.apply(told.cells);
    } catch (error) {
      signedOut = Boolean(error.signedOut);
    } finally {
      reading = false;
      showConnection();
      if (wanted) {
        wanted = false;
        setTimeout(readState, 300);
      }
    }
  }

  function changed(topic, messages) {
    document.dispatchEvent(new CustomEvent(`polyarb:${topic}`, { detail: messages }));
  }

  function take(told) {
    heard();
    page.setClock(told.now_ms);
    if (told.type === "hello") {
      attempt = 0;
      if (lastId === null) lastId = told.last_id;
      else socket.send(JSON.stringify({ since: lastId }));
      readState();
      changed("connected", []);
    } else if (told.type === "resync") {
      readState();
      changed("facts", []);
      changed("missed", []);
    } else if (told.type === "batch") {
      takeBatch(told);
    }
    showConnection();
  }

  function takeBatch(told) {
    if (told.cells) page.apply({ ...told.cells, now_ms: told.now_ms });
    if (told.values) page.applyValues(told.values);
    let hint = false;
    const facts = [];
    const alerts = [];
    for (const message of told.messages) {
      lastId = Math.max(lastId || 0, message.id);
      if (message.topic === "facts") facts.push(message.payload);
      if (message.topic === "alerts") alerts.push({ ...message.payload, message: message.id });
      if (message.topic === "state" && !message.payload.engine) hint = true;
    }
    if (hint || alerts.length) readState();
    if (hint) changed("acts", []);
    if (alerts.length) changed("alerts", alerts);
    if (facts.length) changed("facts", facts);
  }

  function connect() {
    clearTimeout(reconnect);
    if (signedOut) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/ws/live/`);
    const mine = socket;
    mine.onmessage = (event) => take(JSON.parse(event.data));
    mine.onclose = () => {
      if (mine !== socket) return;
      const pause = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
      attempt += 1;
      reconnect = setTimeout(connect, pause * (0.7 + 0.6 * Math.random()));
      showConnection();
    };
  }

  function ping() {
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    if (Date.now() - heardMs > SILENCE_MS) {
      socket.close(); // it looks open and nobody answers: a network that went away
      return;
    }
    pings += 1;
    socket.send(JSON.stringify({ ping: pings }));
  }

  function poll() {
    if (!signedOut && (!socket || socket.readyState !== WebSocket.OPEN)) readState();
  }

  function start() {
    if (!page.bar() || "asServed" in page.bar().dataset) return;
    heardMs = Date.now();
    connect();
    setInterval(ping, PING_MS);
    setInterval(poll, POLL_MS);
    setInterval(showConnection, 1000);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      if (!socket || socket.readyState > WebSocket.OPEN) {
        attempt = 0;
        connect();
      } else ping();
    });
    window.addEventListener("online", connect);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
