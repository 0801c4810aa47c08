/* Loads the parts of a page that other apps provide: <div data-panel-url="..."> is filled with what the URL answers. */
document.addEventListener("DOMContentLoaded", () => {
  for (const panel of document.querySelectorAll("[data-panel-url]")) load(panel);

  async function load(panel) {
    try {
      const answer = await fetch(panel.dataset.panelUrl, { headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok) throw new Error(String(answer.status));
      panel.innerHTML = await answer.text();
    } catch {
      panel.textContent = "This part could not be loaded. Reload the page to try again.";
      panel.classList.add("c-muted");
    }
  }
});
