// Sends the phones' forms without leaving the page, and keeps the threads as the server has them.
"use strict";

const body = document.body;
const problem = document.getElementById("problem");
const PAUSE_AFTER_FAILURE = 2000;

function show(words) {
  problem.textContent = words;
  problem.hidden = !words;
}

function atBottom(thread) {
  return thread.scrollHeight - thread.scrollTop - thread.clientHeight < 60;
}

// Only what differs is replaced, so that a screen reader hears new messages alone and focus stays where it is.
function renew(thread, html) {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  const follow = atBottom(thread);
  let here = thread.firstElementChild;
  for (const item of [...wanted.content.children]) {
    while (here && here.id !== item.id && !wanted.content.querySelector(`#${CSS.escape(here.id)}`)) {
      const gone = here;
      here = here.nextElementSibling;
      gone.remove();
    }
    if (here && here.id === item.id) {
      if (!here.isEqualNode(item)) replace(here, item.cloneNode(true), (next) => (here = next));
      here = here.nextElementSibling;
    } else {
      thread.insertBefore(item.cloneNode(true), here);
    }
  }
  while (here) {
    const gone = here;
    here = here.nextElementSibling;
    gone.remove();
  }
  if (follow) thread.scrollTop = thread.scrollHeight;
}

function replace(old, next, keep) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(next);
  keep(next);
  if (focused) document.getElementById(focused)?.focus();
}

async function watch() {
  let seen = -1;
  for (;;) {
    const looking = document.visibilityState === "visible";
    try {
      const answer = await fetch(`/phone/threads?tenant=${body.dataset.tenant}&seen=${seen}&looking=${looking}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const { version, threads } = await answer.json();
      seen = version;
      for (const thread of document.querySelectorAll(".thread")) renew(thread, threads[thread.dataset.channel]);
      if (problem.dataset.lost) {
        delete problem.dataset.lost;
        show("");
      }
    } catch {
      problem.dataset.lost = "yes";
      show("The double does not answer. Trying again.");
      await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE));
    }
  }
}

async function submit(event) {
  const form = event.target;
  if (!form.matches("form[data-act]")) return;
  event.preventDefault();
  const by = event.submitter;
  const data = new FormData(form, by);
  const text = form.querySelector("textarea");
  if (text && ["say", "picture"].includes(data.get("act"))) text.value = "";
  const file = form.querySelector("input[type=file]");
  if (file) file.value = "";
  const threads = form.closest(".phone").querySelector(".thread");
  threads.scrollTop = threads.scrollHeight;
  const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
  show(answer.ok ? "" : "That did not work. Reload the page and try again.");
  if (answer.ok && by?.hasAttribute("data-reload")) {
    history.replaceState(null, "", `/phone?tenant=${body.dataset.tenant}#telegram`);
    location.reload();
  }
}

document.addEventListener("submit", (event) => {
  submit(event).catch(() => show("The double does not answer. Is it still running?"));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches(".composer textarea")) return;
  event.preventDefault();
  event.target.form.requestSubmit(event.target.form.querySelector(".send"));
});

document.addEventListener("change", (event) => {
  if (event.target.matches(".composer input[type=file]") && event.target.files.length) {
    event.target.form.requestSubmit(event.target.form.querySelector(".send"));
  }
});

for (const thread of document.querySelectorAll(".thread")) thread.scrollTop = thread.scrollHeight;
watch();
