/* The live size beside the rules: asks the server a moment after each change, keeps only the newest answer. */
(() => {
  "use strict";

  const form = document.querySelector("[data-segment-form]");
  const panel = form && form.querySelector("[data-size]");
  if (!panel) return;

  const WAIT_MS = 350;
  const part = (name) => panel.querySelector(`[data-${name}]`);
  const number = new Intl.NumberFormat("en");
  let timer = 0;
  let running = null;
  let last = "";

  function warn(message) {
    part("size-warning").textContent = message;
    part("size-warning").hidden = !message;
  }

  function show(found) {
    const percent = found.percent > 0 && found.percent < 1 ? "less than 1%" : `${Math.round(found.percent)}%`;
    part("size-number").textContent = number.format(found.size);
    part("size-base").textContent = `of ${number.format(found.base)} people, ${percent}`;
    part("size-bar").style.width = `${found.percent}%`;
    warn(found.warning);
    part("sample-block").hidden = found.sample.length === 0;
    part("sample").replaceChildren(...found.sample.map((person) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const email = document.createElement("span");
      link.href = person.url;
      link.textContent = person.name;
      email.className = "c-muted";
      email.textContent = person.email === person.name ? "" : person.email;
      item.append(link, " ", email);
      return item;
    }));
  }

  function showNothing(message) {
    part("size-number").textContent = "–";
    part("size-base").textContent = "";
    part("size-bar").style.width = "0";
    part("sample-block").hidden = true;
    warn(message);
  }

  async function ask(body) {
    if (running) running.abort();
    running = new AbortController();
    part("busy").hidden = false;
    try {
      const answer = await fetch(form.dataset.previewUrl, {
        method: "POST",
        body,
        signal: running.signal,
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
      });
      const found = await answer.json();
      form.dispatchEvent(new CustomEvent("rules:problems", { detail: found.problems || [] }));
      if (answer.ok) show(found);
      else showNothing(found.problems.length ? "One of the rules can't be used yet." : found.message);
      part("busy").hidden = true;
    } catch (error) {
      if (error.name === "AbortError") return; // a newer question is on its way
      showNothing("The size could not be counted. Check the connection; saving still works.");
      part("busy").hidden = true;
    }
  }

  form.addEventListener("rules:change", (event) => {
    panel.hidden = false;
    clearTimeout(timer);
    if (!event.detail.isComplete) {
      if (running) running.abort();
      last = "";
      part("busy").hidden = true;
      showNothing("Fill in every value to see how many people fit.");
      return;
    }
    const body = JSON.stringify(event.detail.tree);
    if (body === last) return;
    last = body;
    timer = setTimeout(() => ask(body), WAIT_MS);
  });
})();
