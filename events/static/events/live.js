// Loads what came in lately again, every three seconds while the page is seen and nobody reads a message in it.
"use strict";

const part = document.querySelector("[data-live]");

async function renew() {
  const isRead = part.querySelector("details[open]") || part.contains(document.activeElement);
  if (document.visibilityState !== "visible" || isRead) return;
  const answer = await fetch(part.dataset.live, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
  if (answer?.ok && !answer.redirected) part.innerHTML = await answer.text();
}

if (part) setInterval(renew, 3000);
