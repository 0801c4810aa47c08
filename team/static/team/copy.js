// A button with data-copy="id of a field" puts the field's text on the clipboard and says so.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // pages without TLS have no clipboard API
    }
    button.querySelector("[data-label]").textContent = button.dataset.copied;
  });
}
