// The checkout's one script: asks the vault's fields for a token, hands the token to our server, and shows what came of it.
// It never sees a card number. A payment whose answer was lost is asked about, never sent again.
(() => {
  "use strict";

  const root = document.querySelector("[data-checkout]");
  if (!root) return;
  const find = (name) => root.querySelector(`[data-${name}]`);
  const say = root.dataset;
  const form = root.querySelector("form.pay");
  const frame = find("fields");
  const button = find("pay");
  const label = find("pay-label");
  const message = find("message");
  const status = find("status");
  const csrf = document.querySelector('meta[name="csrf-token"]');

  const FIELDS_TIMEOUT_MS = 20_000;
  const TOKEN_TIMEOUT_MS = 30_000;
  const FIRST_PAUSE_MS = 1_000;
  const LONGEST_PAUSE_MS = 10_000;
  const PAUSE_GROWTH = 1.4;
  const SLOW_AFTER_MS = 45_000;
  const OPEN_ANSWERS_BEFORE_RETRY = 3; // the lost request may still be on its way when the first look-up answers "open"

  const payText = label ? label.textContent : "";
  let ready = false; // the vault's fields are there
  let busy = false; // from the press of the button until an answer that allows another press
  let tokenTimer = 0;

  if (form) {
    const fieldsTimer = setTimeout(fieldsMissing, FIELDS_TIMEOUT_MS);

    window.addEventListener("message", (event) => {
      if (event.origin !== say.vaultOrigin || event.source !== frame.contentWindow) return;
      const data = event.data;
      if (!data || typeof data !== "object") return;
      if (data.type === "clearway.ready") {
        clearTimeout(fieldsTimer);
        fieldsReady(data.height);
      } else if (data.type === "clearway.token" && tokenTimer) {
        stopWaitingForToken();
        attempt(data);
      } else if (data.type === "clearway.error" && tokenTimer) {
        stopWaitingForToken();
        release(String(data.message || say.textRetry), false);
      }
    });

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (busy || !ready) return;
      busy = true;
      tell("");
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
      label.textContent = say.textWorking;
      status.textContent = say.textWorking;
      tokenTimer = setTimeout(() => {
        stopWaitingForToken();
        release(say.textFieldsMissing, true);
      }, TOKEN_TIMEOUT_MS);
      frame.contentWindow.postMessage({ type: "clearway.tokenize" }, say.vaultOrigin);
    });

    // Shown again from the browser's memory (back from the bank's page): what it says may no longer be true.
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());

    // Only now, so that the fields cannot say that they are ready before anybody listens.
    if (say.state === "open") frame.src = frame.dataset.src;
  }

  if (say.state === "processing") poll();

  function fieldsReady(height) {
    ready = true;
    find("loading").hidden = true;
    frame.classList.add("fields-ready");
    if (Number.isFinite(height)) frame.style.height = `${Math.min(Math.max(height, 80), 900)}px`;
    if (!busy) button.disabled = false;
  }

  function fieldsMissing() {
    find("loading").hidden = true;
    tell(say.textFieldsMissing);
  }

  // Back to the form: the shopper may press again.
  function release(text, focus) {
    if (!frame.src) frame.src = frame.dataset.src;
    busy = false;
    button.disabled = !ready;
    button.removeAttribute("aria-busy");
    label.textContent = payText;
    show("open");
    tell(text);
    if (focus) message.focus();
  }

  function stopWaitingForToken() {
    clearTimeout(tokenTimer);
    tokenTimer = 0;
  }

  async function attempt(card) {
    const body = {
      token: card.token,
      brand: card.brand,
      last4: card.last4,
      bin: card.bin,
      expiry_month: card.expiry_month,
      expiry_year: card.expiry_year,
      holder: card.holder,
      issuer_country: card.issuer_country,
      browser: {
        language: navigator.language,
        color_depth: screen.colorDepth,
        screen_width: screen.width,
        screen_height: screen.height,
        time_zone_offset_minutes: new Date().getTimezoneOffset(),
      },
    };
    let reply;
    try {
      reply = await fetch(say.attemptUrl, {
        method: "POST",
        credentials: "same-origin",
        headers: { "content-type": "application/json", accept: "application/json", [csrf.dataset.header]: csrf.content },
        body: JSON.stringify(body),
      });
    } catch {
      return poll(); // the connection broke: the payment may be under way
    }
    const answer = await read(reply);
    if (answer) return settle(answer);
    // Without an answer of ours, a refusal (4xx) means that nothing was tried; anything else may have been.
    if (reply.status >= 400 && reply.status < 500) return release(say.textStale, true);
    return poll();
  }

  async function poll() {
    show("processing");
    const since = Date.now();
    let pause = FIRST_PAUSE_MS;
    let openAnswers = 0;
    for (;;) {
      await new Promise((wake) => setTimeout(wake, pause));
      pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS);
      const answer = await look();
      if (answer && answer.status === "open") openAnswers += 1;
      else if (answer && answer.status !== "processing") return settle(answer);
      else openAnswers = 0;
      if (openAnswers >= OPEN_ANSWERS_BEFORE_RETRY) return settle({ status: "failed", message: say.textRetry });
      if (Date.now() - since > SLOW_AFTER_MS) find("processing-text").textContent = say.textSlow;
    }
  }

  async function look() {
    try {
      const reply = await fetch(say.statusUrl, {
        credentials: "same-origin",
        cache: "no-store",
        headers: { accept: "application/json" },
      });
      return await read(reply);
    } catch {
      return null; // offline for a moment: ask again
    }
  }

  // Our answer, or null where the reply is not one.
  async function read(reply) {
    try {
      const answer = await reply.json();
      const known = ["open", "processing", "requires_action", "succeeded", "failed", "already_paid", "expired", "withdrawn"];
      return answer && known.includes(answer.status) ? answer : null;
    } catch {
      return null;
    }
  }

  function settle(answer) {
    switch (answer.status) {
      case "requires_action":
        return go(answer.url);
      case "failed":
        if (!answer.final) return release(answer.message || say.textRetry, true);
        return finish("failed", answer.url);
      case "succeeded":
      case "already_paid":
      case "expired":
      case "withdrawn":
        return finish(answer.status, answer.url);
      default:
        return poll();
    }
  }

  function finish(name, url) {
    const panel = show(name);
    const back = panel.querySelector("[data-return]");
    if (back && isWeb(url)) {
      back.href = url;
      back.parentElement.hidden = false;
    }
    // Reading order follows: the heading is spoken, the rest is next.
    panel.querySelector("h2").focus();
  }

  function go(url) {
    if (isWeb(url)) location.assign(url);
    else poll();
  }

  function isWeb(url) {
    try {
      return Boolean(url) && ["https:", "http:"].includes(new URL(url, location.href).protocol);
    } catch {
      return false;
    }
  }

  function show(name) {
    let shown = null;
    for (const panel of root.querySelectorAll("[data-panel]")) {
      panel.hidden = panel.dataset.panel !== name;
      if (!panel.hidden) shown = panel;
    }
    status.textContent = name === "open" ? "" : shown.querySelector("h2").textContent;
    return shown;
  }

  function tell(text) {
    message.textContent = text;
    message.hidden = !text;
  }
})();
