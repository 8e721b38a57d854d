// The desk works without this. It wakes up GOV.UK Frontend's components, counts time down, and makes itself heard.
import { initAll } from "./govuk-frontend.min.js";

initAll();

const NOTES = { P0: [880, 660, 880, 660, 880], P1: [660, 880], P2: [520], P3: [440] };
const NAMES = { P0: "P0 now", P1: "P1 urgent", P2: "P2 distress", P3: "P3 ordinary" };
const KINDS = { handoff: "new", raised: "raised", offer: "offered to you", lapsed: "late", message: "new message", help: "a colleague needs help" };
const EVENTS = ["here", "mine", "waiting", "thread", "alert"];
const title = document.title;
const connection = document.getElementById("connection");
let unseen = 0;
let audio;
let last = "";

// Browsers let a page make sounds only after its user has touched it.
addEventListener("pointerdown", () => (audio ??= new AudioContext()), { once: true });
addEventListener("keydown", () => (audio ??= new AudioContext()), { once: true });

function sound(level) {
  if (!audio) return;
  (NOTES[level] ?? []).forEach((pitch, place) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const begin = audio.currentTime + place * 0.22;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(level === "P0" ? 0.3 : 0.12, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.2);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.21);
  });
}

function alertOf({ kind, level }) {
  const words = `${NAMES[level]}: ${KINDS[kind]}`;
  document.getElementById("announce").textContent = `${new Date().toTimeString().slice(0, 5)} ${words}`;
  sound(level);
  if (document.hidden) {
    unseen += 1;
    document.title = `(${unseen}) ${words} – ${title}`;
    if ("Notification" in window && Notification.permission === "granted") {
      // Nothing of the tenant's stands on a locked screen.
      new Notification(words, { tag: `${kind}-${level}`, requireInteraction: level === "P0" || level === "P1" });
    }
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    unseen = 0;
    document.title = title;
  }
});

document.body.addEventListener("htmx:sseMessage", (event) => {
  const { type, data } = event.detail;
  if (type === "alert") alertOf(JSON.parse(data));
  if (type === "signed-out") location.reload();
});

// A stream that the browser has given up is begun anew by htmx: it says where it was, so that nothing is missed.
if (window.htmx) {
  htmx.createEventSource = (address) => {
    const place = last && `${address.includes("?") ? "&" : "?"}last=${encodeURIComponent(last)}`;
    const source = new EventSource(address + place);
    for (const name of EVENTS) source.addEventListener(name, (event) => (last = event.lastEventId || last));
    return source;
  };
}

// What could not be fetched is asked for until it can: its event does not come again.
for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.body.addEventListener(name, ({ detail }) => {
    if (detail.xhr.status === 0 || detail.xhr.status >= 500) setTimeout(() => htmx.trigger(detail.elt, "again"), 2000);
  });
}

document.body.addEventListener("htmx:sseOpen", () => (connection.hidden = true));
document.body.addEventListener("htmx:sseError", async () => {
  connection.hidden = false;
  // Whoever is no longer signed in is led to sign in; a web process that is away does not answer at all.
  const answer = await fetch("/desk/queue/offers", { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer && [401, 403].includes(answer.status)) location.reload();
});

// A part of the page that is drawn anew keeps the keyboard where it was.
let held = "";

function handleOf(element) {
  if (!element?.closest("#offers, #mine, #waiting")) return "";
  if (element.dataset.offer) return `[data-offer="${element.dataset.offer}"]`;
  if (element.form) return `form[action="${element.form.getAttribute("action")}"] button`;
  return element.matches("a[href]") ? `a[href="${element.getAttribute("href")}"]` : "";
}

const remember = () => (held = handleOf(document.activeElement) || held);
document.body.addEventListener("htmx:sseBeforeMessage", remember);
document.body.addEventListener("htmx:beforeSwap", remember);
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (held && document.activeElement === document.body) event.target.querySelector(held)?.focus();
  held = "";
});

// What is urgent is heard until it is answered.
setInterval(() => document.querySelector('[data-offer][data-level="P0"]') && sound("P0"), 6000);

// An urgent offer takes the keyboard, once, and stays until it is answered.
const met = new Set();
document.body.addEventListener("htmx:afterSettle", () => {
  for (const offer of document.querySelectorAll("[data-offer]")) {
    if (!met.has(offer.dataset.offer)) {
      met.add(offer.dataset.offer);
      if (!document.activeElement?.matches("textarea, input")) offer.focus();
    }
  }
});

function left(seconds) {
  if (seconds >= 5400) return `${Math.round(seconds / 3600)} hours`;
  if (seconds >= 120) return `${Math.round(seconds / 60)} minutes`;
  return `${Math.max(0, Math.round(seconds))} seconds`;
}

setInterval(() => {
  for (const place of document.querySelectorAll("[data-until]")) {
    place.textContent = left(Number(place.dataset.until) - Date.now() / 1000);
  }
}, 1000);

const ask = document.getElementById("notify");
if (ask && "Notification" in window && Notification.permission === "default") {
  ask.hidden = false;
  ask.addEventListener("click", async () => {
    await Notification.requestPermission();
    ask.hidden = true;
  });
}

// The answer's box: what is written is kept, counted, and an approved answer comes in by its name.
const box = document.querySelector("textarea[data-draft]");
const page = document.querySelector("[data-conversation]");

function send(address, fields) {
  const body = new URLSearchParams(fields);
  return fetch(address, { method: "POST", body, keepalive: true, headers: { "x-csrf-token": page.dataset.csrf } });
}

if (box && page) {
  let timer;
  let beaten = 0;
  let kept = box.value;
  const found = document.getElementById("answers-found");

  const keep = () => {
    clearTimeout(timer);
    if (kept !== box.value) send(box.dataset.draft, { text: (kept = box.value) });
  };
  addEventListener("pagehide", keep);
  // Another form of the page leaves it as well; the answer's own form is kept, or answered, by the server.
  document.addEventListener("submit", (event) => event.target.id === "reply" ? (kept = box.value) : keep());

  // What came while nothing was written has been read. What came meanwhile counts as read once its reader writes on.
  const seen = document.querySelector("#reply [name=seen]");
  const newer = document.getElementById("newer");
  let arrived = 0;
  const newest = () => document.getElementById("newest")?.dataset.newest ?? seen.value;
  document.body.addEventListener("htmx:afterSettle", () => {
    if (newest() === seen.value) return;
    if (!box.value.trim()) return void (seen.value = newest());
    if (newer.hidden) arrived = Date.now();
    newer.hidden = false;
  });

  const count = async () => {
    if (!box.dataset.segments) return;
    const answer = await send(box.dataset.segments, { text: box.value });
    if (answer.ok) document.getElementById("segments").textContent = (await answer.text()).trim();
  };

  const search = async () => {
    const line = box.value.slice(0, box.selectionStart).split("\n").pop();
    found.hidden = !line.startsWith("/");
    if (found.hidden) return;
    const answer = await fetch(`${box.dataset.answers}?words=${encodeURIComponent(line.slice(1, 100))}`);
    if (answer.ok) found.innerHTML = await answer.text();
  };

  box.addEventListener("input", () => {
    if (Date.now() - arrived > 2000) {
      seen.value = newest();
      newer.hidden = true;
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      keep();
      count();
      search();
    }, 400);
    if (Date.now() - beaten > 5000) {
      beaten = Date.now();
      send("/desk/beat", { conversation: page.dataset.conversation, typing: true });
    }
  });

  document.addEventListener("click", (event) => {
    const answer = event.target.closest("[data-answer]");
    if (!answer) return;
    event.preventDefault();
    box.value = answer.dataset.answer;
    found.hidden = true;
    box.focus();
    box.dispatchEvent(new Event("input"));
  });
  count();
}

// The newest line is the one that matters.
const thread = document.querySelector(".desk-thread");
const down = () => thread && (thread.scrollTop = thread.scrollHeight);
down();
document.body.addEventListener("htmx:afterSettle", (event) => event.target === thread && down());
