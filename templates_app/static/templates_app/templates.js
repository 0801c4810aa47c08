// The template editor: line numbers, inserting variables, and a preview that follows what is typed.
"use strict";

(() => {
  const form = document.getElementById("editor");
  if (!form) return;
  const find = (selector) => form.querySelector(selector);
  const all = (selector) => [...form.querySelectorAll(selector)];
  const texts = { source: find("#id_source"), text_source: find("#id_text_source") };
  const WAIT = 500;
  const LEVELS = { block: ["bad", "Must fix"], warn: ["warn", "Check"], info: ["info", "Note"] };
  const FIELDS = { source: "id_source", text: "id_text_source", subject: "id_subject", preheader: "id_preheader" };

  // --- Code: line numbers, and jumping to a line --------------------------------------------------------------------

  function number(text, badLine) {
    const gutter = text.previousElementSibling;
    const count = text.value.split("\n").length;
    gutter.replaceChildren();
    for (let line = 1; line <= count; line += 1) {
      const mark = document.createElement(line === badLine ? "span" : "div");
      mark.textContent = line;
      if (line === badLine) mark.className = "is-bad";
      gutter.append(mark, line === badLine ? "\n" : "");
    }
    gutter.scrollTop = text.scrollTop;
  }

  function show(part) {
    for (const button of all("[data-part]")) button.setAttribute("aria-pressed", String(button.dataset.part === part));
    for (const box of all("[data-box]")) box.hidden = box.dataset.box !== part;
    number(texts[part]);
  }

  function jump(where, line) {
    const field = document.getElementById(FIELDS[where] || "id_source");
    if (field.tagName === "TEXTAREA") show(field.name);
    field.focus();
    if (!line || field.tagName !== "TEXTAREA") return;
    const start = field.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    const end = field.value.indexOf("\n", start);
    field.setSelectionRange(start, end < 0 ? field.value.length : end);
    field.scrollTop = Math.max(0, (line - 6) * 20);
  }

  for (const text of Object.values(texts)) {
    text.addEventListener("scroll", () => { text.previousElementSibling.scrollTop = text.scrollTop; });
    text.addEventListener("input", () => number(text));
    number(text);
  }
  for (const button of all("[data-part]")) button.addEventListener("click", () => show(button.dataset.part));

  // --- Inserting where the cursor was -------------------------------------------------------------------------------

  let last = texts.source;
  for (const field of [texts.source, texts.text_source, find("#id_subject"), find("#id_preheader")]) {
    field.addEventListener("focus", () => { last = field; });
  }
  find("[data-insert]").addEventListener("change", (event) => {
    const text = event.target.value;
    event.target.value = "";
    if (!text) return;
    last.focus();
    last.setRangeText(text, last.selectionStart, last.selectionEnd, "end");
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // --- Unsaved changes, and how long the subject is -----------------------------------------------------------------

  const saved = JSON.stringify([...new FormData(form)].filter(([name]) => name !== "contact"));
  const isDirty = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "contact")) !== saved;
  let isLeaving = false;
  form.addEventListener("submit", () => { isLeaving = true; });
  window.addEventListener("beforeunload", (event) => { if (!isLeaving && isDirty()) event.preventDefault(); });

  function note() {
    const dirty = find("[data-dirty]");
    if (dirty) dirty.textContent = isDirty() ? "Not saved yet" : "";
    const length = find("#id_subject").value.replace(/\{[{%].*?[%}]\}/g, "").trim().length;
    find("[data-count]").textContent = `${length} characters without the variables${length > 60 ? ". Many inboxes show about 60." : ""}`;
  }

  // --- Preview ------------------------------------------------------------------------------------------------------

  const stage = find("[data-stage]");
  const frame = find("[data-html]");
  let timer = 0;
  let asking = null;

  // Asked for by name: to those who may only look the fields are disabled, and FormData leaves disabled ones out.
  function written() {
    const data = new FormData(form);
    for (const name of ["subject", "preheader", "format", "source", "text_source"]) data.set(name, find(`[name=${name}]`).value);
    return data;
  }

  async function preview() {
    asking?.abort();
    asking = new AbortController();
    stage.classList.add("is-stale");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: written(), signal: asking.signal });
      if (!answer.ok) throw new Error(answer.status === 403 ? "You are signed out. Load the page again." : "The preview could not be made.");
      render(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") render({ error: { message: error.message } });
    }
  }

  function render(shown) {
    stage.classList.toggle("is-stale", Boolean(shown.error));
    fail(shown.error);
    if (shown.error) return;
    frame.src = form.dataset.frame.replace("/0/", `/${shown.token}/`);
    find("[data-subject]").textContent = shown.subject || "(no subject)";
    find("[data-preheader]").textContent = shown.preheader;
    find("[data-text]").textContent = shown.text;
    find("[data-size]").textContent = `${Math.max(1, Math.round(shown.bytes / 1024))} KB`;
    list(shown.findings, shown.missing);
  }

  function fail(error) {
    const box = find("[data-error]");
    box.hidden = !error;
    number(texts.source, error && error.where === "source" ? error.line : 0);
    if (!error) return;
    box.textContent = error.message;
    list([{ level: "block", ...error }], []);
  }

  function list(findings, missing) {
    const rows = findings.map(row);
    if (missing.length) {
      rows.push(row({ level: "info", message: `Empty for this person: ${missing.join(", ")}.` }));
    }
    const must = findings.filter((finding) => finding.level === "block").length;
    const check = findings.filter((finding) => finding.level === "warn").length;
    find("[data-checked]").textContent = must || check ? `${must} must fix, ${check} to check` : "";
    if (!rows.length) {
      const fine = document.createElement("li");
      fine.className = "c-muted";
      fine.textContent = "Nothing found. It looks good.";
      rows.push(fine);
    }
    find("[data-findings]").replaceChildren(...rows);
  }

  function row(finding) {
    const [kind, label] = LEVELS[finding.level];
    const item = document.createElement("li");
    const badge = document.createElement("span");
    badge.className = `c-badge c-badge--${kind}`;
    badge.textContent = label;
    const words = document.createElement("span");
    words.textContent = finding.message;
    item.append(badge, words);
    if (finding.line || (finding.where && finding.where !== "source")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = finding.line ? `Line ${finding.line}` : "Show";
      button.addEventListener("click", () => jump(finding.where, finding.line));
      item.append(button);
    }
    return item;
  }

  for (const button of all("[data-view]")) {
    button.addEventListener("click", () => {
      for (const other of all("[data-view]")) other.setAttribute("aria-pressed", String(other === button));
      stage.dataset.stage = button.dataset.view;
      frame.hidden = button.dataset.view === "text";
      find("[data-text]").hidden = button.dataset.view !== "text";
    });
  }
  form.addEventListener("input", (event) => {
    note();
    if (event.target.id === "person") return;
    clearTimeout(timer);
    timer = setTimeout(preview, WAIT);
  });

  // --- Whom to preview as -------------------------------------------------------------------------------------------

  const person = find("#person");
  const found = find("#found");
  let searching = 0;

  function choose(one) {
    find("[name=contact]").value = one ? one.id : "";
    person.value = one ? one.label : "";
    close();
    preview();
  }

  function close() {
    found.hidden = true;
    found.replaceChildren();
    person.setAttribute("aria-expanded", "false");
  }

  async function people(query) {
    const answer = await fetch(`${form.dataset.people}?q=${encodeURIComponent(query)}`);
    return answer.ok ? (await answer.json()).people : [];
  }

  async function search() {
    const asked = person.value.trim();
    if (!asked) { choose(null); return; }
    const options = (await people(asked)).map((one) => {
      const option = document.createElement("li");
      option.setAttribute("role", "option");
      option.textContent = one.label;
      option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(one); });
      option.choose = () => choose(one);
      return option;
    });
    if (!options.length) {
      const none = document.createElement("li");
      none.className = "c-muted";
      none.textContent = "Nobody found.";
      options.push(none);
    }
    found.replaceChildren(...options);
    found.hidden = false;
    person.setAttribute("aria-expanded", "true");
  }

  person.addEventListener("input", () => { clearTimeout(searching); searching = setTimeout(search, 250); });
  person.addEventListener("blur", close);
  person.addEventListener("keydown", (event) => {
    const options = [...found.querySelectorAll("[role=option]")];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "Enter") {
      event.preventDefault();
      (options[Math.max(at, 0)])?.choose();
    } else if (event.key === "Escape") {
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options.length) {
      event.preventDefault();
      const next = (at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
      options.forEach((option, index) => option.setAttribute("aria-selected", String(index === next)));
      options[next].scrollIntoView({ block: "nearest" });
    }
  });
  find("[data-random]").addEventListener("click", async () => {
    const [one] = await people("");
    if (one) choose(one);
  });

  note();
  preview();
})();
