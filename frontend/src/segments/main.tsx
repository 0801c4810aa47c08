/* Starts the builder on the form of a segment. The form's own text box stays the one thing that is sent, and is what
   people without scripts use; what the builder can't start with stays there, too. */

import { createRoot } from "react-dom/client";
import { Builder } from "./Builder";
import { Lookup } from "./catalogue";
import { Server } from "./server";

function start(form: HTMLFormElement) {
  const mount = form.querySelector<HTMLElement>("[data-builder]");
  const aside = form.querySelector<HTMLElement>("[data-size]");
  const text = form.querySelector<HTMLTextAreaElement>("textarea[name=rules]");
  if (!mount || !aside || !text) return;
  const token = form.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
  const { previewUrl = "", suggestUrl = "", readUrl = "" } = form.dataset;
  const props = {
    lookup: new Lookup(parsed("segment-catalogue")),
    problems: parsed("segment-problems"),
    server: new Server({ preview: previewUrl, suggest: suggestUrl, read: readUrl }, token),
    start: JSON.parse(text.value || '{"all": []}'),
    aside,
    onWrite: (tree: unknown) => { text.value = JSON.stringify(tree, null, 2); },
  };
  mount.hidden = aside.hidden = false;
  form.querySelector<HTMLElement>("[data-plain]")!.hidden = true;
  createRoot(mount).render(<Builder {...props} />);
}

function parsed(id: string) {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/* A segment of hand-picked people has no rules to show. */
function followKind(form: HTMLFormElement) {
  const dynamicOnly = form.querySelector<HTMLElement>("[data-dynamic-only]");
  const radios = form.querySelectorAll<HTMLInputElement>("input[name=kind]");
  if (!dynamicOnly || !radios.length) return;
  const follow = () => { dynamicOnly.hidden = form.querySelector<HTMLInputElement>("input[name=kind]:checked")?.value === "static"; };
  radios.forEach((radio) => radio.addEventListener("change", follow));
  follow();
}

const form = document.querySelector<HTMLFormElement>("[data-segment-form]");
if (form) {
  followKind(form);
  start(form);
}
