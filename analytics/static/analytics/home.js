/* The home page: its chart, and what is sending now, renewed every 2 s while something is and somebody looks. */
"use strict";
(() => {
  const POLL_MS = 2000, LONGEST_WAIT_MS = 30000;
  const LINES = [{ key: "sent", name: "Sent" }, { key: "opened", name: "Opened" }, { key: "clicked", name: "Clicked" }];

  const place = document.querySelector("[data-days]");
  if (place) {
    const days = JSON.parse(document.getElementById(place.dataset.days).textContent);
    const words = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
    const points = days.map((day) => ({ ...day, label: words.format(new Date(day.at)) }));
    window.CarillonCharts.timeChart(place, LINES).update(points).catch((error) => { place.textContent = error.message; });
  }

  const box = document.getElementById("underway");
  if (!box) return;
  let failures = 0, timer = null;
  const isLive = () => Boolean(box.querySelector('[data-is-live*="1"]'));
  const plan = () => {
    clearTimeout(timer);
    if (!document.hidden && isLive()) timer = setTimeout(refresh, Math.min(LONGEST_WAIT_MS, POLL_MS * 2 ** failures));
  };
  async function refresh() {
    try {
      const answer = await fetch(box.dataset.underwayUrl, { credentials: "same-origin" });
      if (answer.status === 403) return;
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
      box.innerHTML = await answer.text();
      failures = 0;
    } catch {
      failures = Math.min(failures + 1, 5);
    }
    plan();
  }
  document.addEventListener("visibilitychange", plan);
  plan();
})();
