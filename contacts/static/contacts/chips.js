/* Shows a comma list as chips below its input; the input stays what is sent, and works without this. */
document.addEventListener("DOMContentLoaded", () => {
  for (const input of document.querySelectorAll("input[data-chips]")) {
    const chips = document.createElement("div");
    chips.className = "contact-badges";
    input.insertAdjacentElement("afterend", chips);
    const names = () => input.value.split(",").map((name) => name.trim()).filter(Boolean);
    const show = () => chips.replaceChildren(...names().map(chip));
    const chip = (name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "c-badge";
      button.textContent = `${name} ×`;
      button.setAttribute("aria-label", `Remove the tag ${name}`);
      button.addEventListener("click", () => {
        input.value = names().filter((other) => other !== name).join(", ");
        show();
      });
      return button;
    };
    input.addEventListener("input", show);
    show();
  }
});
