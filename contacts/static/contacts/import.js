/* The import's pages: progress that moves by itself, and consent details that appear when they are needed. */
document.addEventListener("DOMContentLoaded", () => {
  const progress = document.querySelector("[data-import-progress]");
  if (progress) watch(progress);
  const consent = document.querySelector("[data-consent]");
  if (consent) toggleDetails(consent);
  const upload = document.querySelector("form[data-upload]");
  if (upload) upload.addEventListener("submit", () => sayBusy(upload));

  function sayBusy(form) {
    const button = form.querySelector("button[type=submit]");
    button.setAttribute("aria-disabled", "true");
    button.lastChild.textContent = "Uploading …";
  }

  function toggleDetails(box) {
    const details = box.querySelector("[data-consent-details]");
    const show = () => { details.hidden = box.querySelector("input[value=yes]:checked") === null; };
    box.addEventListener("change", show);
    show();
  }

  function watch(card) {
    const bar = card.querySelector("[role=progressbar]");
    const said = card.querySelector("[data-import-said]");
    const look = async () => {
      try {
        const answer = await fetch(card.dataset.importProgress);
        if (!answer.ok) throw new Error(String(answer.status));
        const state = await answer.json();
        if (state.status !== card.dataset.status) return window.location.reload();
        bar.firstElementChild.style.width = `${state.percent}%`;
        bar.setAttribute("aria-valuenow", state.percent);
        said.textContent = state.of
          ? `${state.percent}%: ${state.done.toLocaleString("en")} of ${state.of.toLocaleString("en")} rows`
          : "Reading the file";
      } catch {
        said.textContent = "The console does not answer; trying again.";
      }
      setTimeout(look, 1000);
    };
    look();
  }
});
