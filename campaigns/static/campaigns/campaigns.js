// The campaign pages: dialogs of the buttons, checks that load later, the phone preview, and the form's live parts.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function dialogs() {
  for (const button of all("[data-open-dialog]")) {
    button.addEventListener("click", () => {
      button.closest("details")?.removeAttribute("open");
      document.getElementById(button.dataset.openDialog).showModal();
    });
  }
  for (const dialog of all("dialog")) {
    dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
    // A second click must not ask twice; the server would refuse it, but the person should not see that.
    dialog.querySelector("form")?.addEventListener("submit", (event) => {
      const button = event.target.querySelector("[type=submit]");
      setTimeout(() => { button.disabled = true; });
    });
    if ("open" in dialog.dataset) dialog.showModal();
  }
  document.addEventListener("click", (event) => {
    for (const menu of all("details.cp-more[open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
  // Back from the next page: a button disabled above must work again.
  window.addEventListener("pageshow", () => all("dialog [type=submit]").forEach((button) => { button.disabled = false; }));
}

async function laterParts() {
  for (const place of all("[data-load]")) {
    try {
      const response = await fetch(place.dataset.load);
      if (!response.ok) throw new Error(response.status);
      place.innerHTML = await response.text();
    } catch {
      place.innerHTML = "<p>This could not be loaded. Reload the page to try again.</p>";
    }
  }
}

function phonePreview() {
  for (const button of all("[data-narrow]")) {
    button.addEventListener("click", () => {
      const isNarrow = document.getElementById(button.dataset.narrow).classList.toggle("is-narrow");
      button.setAttribute("aria-pressed", String(isNarrow));
    });
  }
}

function liveAudience(form) {
  const badge = form.querySelector("[data-audience-count]");
  let asked = 0;
  async function count() {
    const query = new URLSearchParams(
      all("[name=segments]:checked, [name=excluded_segments]:checked", form).map((box) => [box.name, box.value]));
    if (!query.has("segments")) { badge.textContent = "Nobody chosen yet"; return; }
    const mine = ++asked;
    badge.textContent = "Counting…";
    try {
      const response = await fetch(`${form.dataset.audienceUrl}?${query}`);
      const { count: people } = await response.json();
      if (mine !== asked) return;
      badge.textContent = `${people.toLocaleString("en")} ${people === 1 ? "person" : "people"}`;
      form.dispatchEvent(new Event("input"));
    } catch {
      if (mine === asked) badge.textContent = "Could not be counted";
    }
  }
  form.addEventListener("change", (event) => {
    if (["segments", "excluded_segments"].includes(event.target.name)) count();
  });
  count();
}

function plannedOnly(form) {
  const part = form.querySelector("[data-planned-only]");
  const show = () => { part.hidden = form.querySelector("[name=when]:checked")?.value !== "planned"; };
  form.addEventListener("change", show);
  show();
}

function variants(form) {
  const rows = form.querySelector("[data-variants]");
  const total = form.querySelector("[name=variants-TOTAL_FORMS]");
  const blank = form.querySelector("[data-variant-template]");
  form.querySelector("[data-add-variant]").addEventListener("click", () => {
    const row = document.createElement("div");
    row.innerHTML = blank.innerHTML.replaceAll("__prefix__", total.value);
    rows.append(row.firstElementChild);
    total.value = Number(total.value) + 1;
    rows.lastElementChild.querySelector("select").focus();
  });
}

function segmentSearch(form) {
  for (const field of all("[data-search]", form)) {
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const choice of all("label", document.getElementById(field.dataset.search))) {
        choice.hidden = !choice.textContent.toLowerCase().includes(wanted) && !choice.querySelector(":checked");
      }
    });
  }
}

// The column beside the form: what the campaign is so far, in one glance.
function summary(form) {
  const value = (name) => form.querySelector(`[name=${name}]`)?.value.trim() ?? "";
  const chosen = (select) => (select.value ? select.selectedOptions[0].textContent.trim() : "");
  const parts = {
    name: () => value("name"),
    who: () => form.querySelector("[name=segments]:checked") && form.querySelector("[data-audience-count]").textContent,
    what: () => all("[data-variants] select", form).map(chosen).filter(Boolean).join(", "),
    from: () => chosen(form.querySelector("[name=sender]")),
    when: () => form.querySelector("[name=when]:checked")?.value === "planned"
      ? [value("send_on") || "no date yet", value("send_time"), value("send_zone").replace("_", " ")].filter(Boolean).join(", ")
      : "When someone launches it",
  };
  const empty = Object.fromEntries(all("[data-sum]", form).map((part) => [part.dataset.sum, part.textContent]));
  const show = () => {
    for (const part of all("[data-sum]", form)) {
      const text = parts[part.dataset.sum]();
      part.textContent = text || empty[part.dataset.sum];
      part.classList.toggle("is-empty", !text);
    }
  };
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  show();
}

dialogs();
laterParts();
phonePreview();
for (const form of all("[data-campaign-form], [data-setup-form]")) {
  liveAudience(form);
  variants(form);
  segmentSearch(form);
}
for (const form of all("[data-campaign-form]")) {
  plannedOnly(form);
  summary(form);
}
