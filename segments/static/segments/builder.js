/* The visual form for a segment's rules. It reads the JSON of the plain text box, shows it as rows and groups, and
   writes it back on every change; the text box stays the one thing that is sent. Announces "rules:change" with the
   tree, and listens to "rules:problems" with what the server found wrong. */
(() => {
  "use strict";

  const form = document.querySelector("[data-segment-form]");
  const mount = form && form.querySelector("[data-builder]");
  if (!mount) return;

  const text = form.querySelector("textarea[name=rules]");
  const catalogue = JSON.parse(document.getElementById("segment-catalogue").textContent);
  const fields = new Map(catalogue.fields.map((field) => [field.key, field]));
  const EVENT = "(event)";
  const MODES = [["all", "all of these"], ["any", "at least one of these"], ["none", "none of these"], ["notall", "not all of these"]];
  const BLANK = { text: "", texts: [], number: "", numbers: ["", ""], date: "", dates: ["", ""], count: "", flag: true, choice: "", none: null };
  let root = null;
  let counter = 0;

  // --- The tree: from the rules' JSON and back ---------------------------------------------------------------------

  const blankRule = () => {
    const field = catalogue.fields[0];
    return rule(field.key, field.operators[0].key, undefined);
  };
  const rule = (field, operator, value, path) => ({ kind: "rule", field, operator, value, path });
  const group = (mode, children, path) => ({ kind: "group", mode, children, path });

  function read(json, path) {
    if (!json || typeof json !== "object") throw new Error("not a rule");
    if ("field" in json) {
      if (!fields.has(json.field)) throw new Error(`unknown field ${json.field}`);
      return rule(json.field, known(fields.get(json.field), json.operator), json.value, path);
    }
    if ("event" in json) return { kind: "event", path, ...readEvent(json) };
    if ("not" in json) return readNot(json.not, path);
    const mode = "any" in json ? "any" : "all";
    if (!Array.isArray(json[mode])) throw new Error("not a group");
    return group(mode, json[mode].map((child, index) => read(child, `${path}/${mode}/${index}`)), path);
  }

  function readNot(inner, path) {
    const below = `${path}/not`;
    if (inner && Array.isArray(inner.any)) return group("none", read(inner, below).children, path);
    if (inner && Array.isArray(inner.all)) return group("notall", read(inner, below).children, path);
    return group("none", [read(inner, below)], path);
  }

  function readEvent(json) {
    const time = json.within_days ? "days" : json.between ? "between" : "ever";
    const where = (json.where || []).map((item) => ({
      property: item.property, operator: signs[item.operator] || item.operator || "equals", value: item.value,
      type: item.type || (typeof [item.value].flat()[0] === "number" ? "number" : "text"),
    }));
    return { event: json.event, operator: json.operator || "did", times: json.times ?? 1, time, within_days: json.within_days ?? 30, between: json.between || ["", ""], where };
  }

  const signs = { "=": "equals", "!=": "not_equals", "≠": "not_equals", "<": "less_than", "<=": "at_most", "≤": "at_most", ">": "greater_than", ">=": "at_least", "≥": "at_least" };
  const known = (field, operator) => signs[operator] || operator || field.operators[0].key;

  function write(node) {
    if (node.kind === "rule") {
      const json = { field: node.field, operator: node.operator };
      if (inputOf(node) !== "none") json.value = typed(inputOf(node), node.value);
      return json;
    }
    if (node.kind === "event") return writeEvent(node);
    const children = node.children.map(write);
    if (node.mode === "none") return { not: { any: children } };
    return node.mode === "notall" ? { not: { all: children } } : { [node.mode]: children };
  }

  function writeEvent(node) {
    const json = { event: node.event, operator: node.operator };
    if (verb(node).counts) json.times = typed("number", node.times);
    if (node.time === "days") json.within_days = typed("number", node.within_days);
    if (node.time === "between") json.between = node.between;
    if (node.where.length) {
      json.where = node.where.map((item) => {
        const input = whereOperator(item).input;
        const condition = { property: item.property, operator: item.operator, type: item.type };
        return input === "none" ? condition : { ...condition, value: typed(input, item.value) };
      });
    }
    return json;
  }

  function typed(input, value) {
    const number = (raw) => (raw === "" || raw === null || Number.isNaN(Number(raw)) ? raw : Number(raw));
    if (value === undefined) return BLANK[input];
    if (input === "number" || input === "count") return number(value);
    return input === "numbers" ? value.map(number) : value;
  }

  const operatorOf = (node) => fields.get(node.field).operators.find((operator) => operator.key === node.operator) || fields.get(node.field).operators[0];
  const inputOf = (node) => operatorOf(node).input;
  const verb = (node) => catalogue.behaviour.verbs.find((each) => each.key === node.operator) || catalogue.behaviour.verbs[0];
  const whereOperator = (item) => catalogue.behaviour.property_types[item.type].find((operator) => operator.key === item.operator) || catalogue.behaviour.property_types[item.type][0];

  /* Rules that still miss a value are not worth a question to the server. */
  function isComplete(node) {
    const filled = (input, value) => input === "none" || (Array.isArray(value) ? value.length > 0 && value.every((part) => part !== "") : value !== undefined && value !== "" && value !== null);
    if (node.kind === "rule") return filled(inputOf(node), typed(inputOf(node), node.value));
    if (node.kind === "group") return node.children.every(isComplete);
    const isTimed = node.time === "ever" || (node.time === "days" ? filled("count", node.within_days) : filled("dates", node.between));
    return filled("text", node.event) && (!verb(node).counts || filled("count", node.times)) && isTimed
      && node.where.every((item) => filled("text", item.property) && filled(whereOperator(item).input, typed(whereOperator(item).input, item.value)));
  }

  // --- Elements ----------------------------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const icon = (name) => element("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, name);
  const button = (label, symbol, onclick, extra = {}) => element("button", { type: "button", class: "c-btn c-btn--quiet sg-add", onclick, ...extra }, icon(symbol), ` ${label}`);
  const remover = (label, onclick) => element("button", { type: "button", class: "sg-remove", "aria-label": label, title: label, onclick }, icon("close"));

  function select(label, options, value, onchange) {
    const made = element("select", { "aria-label": label, onchange: (event) => onchange(event.target.value) });
    for (const [key, words] of options) made.append(element("option", { value: key, selected: key === value }, words));
    return made;
  }

  function input(label, type, value, oninput, extra = {}) {
    return element("input", { type, "aria-label": label, value: value ?? "", oninput: (event) => oninput(event.target.value), autocomplete: "off", ...extra });
  }

  const withSuggestions = (made, query) => {
    const list = element("datalist", { id: `sg-values-${(counter += 1)}` });
    let timer = 0;
    let asked = null;
    const ask = () => {
      if (asked === made.value) return;
      asked = made.value;
      fetch(`${form.dataset.suggestUrl}?${query(made.value)}`, { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : { values: [] }))
        .then((found) => list.replaceChildren(...found.values.map((value) => element("option", { value }))))
        .catch(() => list.replaceChildren());
    };
    made.setAttribute("list", list.id);
    made.addEventListener("focus", ask);
    made.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 250); });
    return element("span", { class: "sg-suggest" }, made, list);
  };

  // --- Values: one editor for each shape ---------------------------------------------------------------------------

  function valueEditor(shape, value, set, options) {
    const suggest = (made) => (options.field ? withSuggestions(made, (typedText) => new URLSearchParams({ field: options.field, q: typedText })) : made);
    const pair = (type, extra) => {
      const both = Array.isArray(value) ? [...value] : ["", ""];
      const one = (index, label) => input(label, type, both[index], (raw) => { both[index] = raw; set([...both]); }, extra);
      return element("span", { class: "sg-pair" }, one(0, "From"), element("span", {}, "and"), one(1, "To"));
    };
    switch (shape) {
      case "none": return null;
      case "number": return input("Value", "number", value, set, { step: "any", inputmode: "decimal" });
      case "count": return input("How many", "number", value, set, { min: "0", step: "1" });
      case "numbers": return pair("number", { step: "any" });
      case "date": return input("Date", "date", value, set);
      case "dates": return pair("date", {});
      case "flag": return select("Value", [["true", "yes"], ["false", "no"]], String(value ?? true), (raw) => set(raw === "true"));
      case "choice": return select("Value", [["", "choose…"], ...options.choices.map((choice) => [choice.value, choice.label])], value, set);
      case "texts": return chips(Array.isArray(value) ? value : [], set, suggest);
      default: return suggest(input("Value", "text", value, set, { placeholder: "value" }));
    }
  }

  function chips(values, set, suggest) {
    const held = [...values];
    const box = element("span", { class: "sg-chips" });
    const draw = () => {
      const made = held.map((value, index) => element("span", { class: "sg-chip" }, value, remover(`Remove ${value}`, () => { held.splice(index, 1); set([...held]); draw(); })));
      const entry = input("Add a value", "text", "", () => {}, { placeholder: held.length ? "and…" : "value, then Enter" });
      const take = () => {
        const value = entry.value.trim();
        if (!value) return false;
        if (!held.includes(value)) held.push(value);
        set([...held]);
        draw();
        return true;
      };
      entry.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === ",") { event.preventDefault(); if (take()) box.querySelector("input").focus(); }
      });
      entry.addEventListener("change", take);
      box.replaceChildren(...made, suggest(entry));
    };
    draw();
    return box;
  }

  // --- Rows and groups ---------------------------------------------------------------------------------------------

  function fieldSelect(node, parent) {
    const made = element("select", { "aria-label": "Field", class: "sg-field", onchange: (event) => choose(event.target.value) });
    const groups = new Map();
    for (const field of catalogue.fields) groups.set(field.group, [...(groups.get(field.group) || []), field]);
    const current = node.kind === "event" ? EVENT : node.field;
    for (const [label, members] of groups) {
      made.append(element("optgroup", { label }, ...members.map((field) => element("option", { value: field.key, selected: field.key === current }, field.label))));
    }
    made.append(element("optgroup", { label: "Behaviour" }, element("option", { value: EVENT, selected: current === EVENT }, "What they did")));
    const choose = (key) => {
      const next = key === EVENT ? { kind: "event", ...readEvent({ event: "" }) } : rule(key, fields.get(key).operators[0].key, undefined);
      replace(parent, node, next);
      redraw(next);
    };
    return made;
  }

  function drawRule(node, parent) {
    const field = fields.get(node.field);
    const operators = field.operators.map((operator) => [operator.key, operator.label]);
    const changeOperator = (key) => {
      const before = inputOf(node);
      node.operator = key;
      if (inputOf(node) !== before) node.value = undefined;
      redraw(node);
    };
    const set = (value) => { node.value = value; changed(node); };
    const suggests = field.type === "text" || field.type === "list" ? field.key : null;
    return row(node, parent, [
      fieldSelect(node, parent),
      select("Comparison", operators, node.operator, changeOperator),
      valueEditor(inputOf(node), node.value, set, { field: suggests, choices: field.choices }),
    ]);
  }

  function drawEvent(node, parent) {
    const update = (key, redraws) => (value) => { node[key] = value; if (redraws) redraw(node); else changed(node); };
    const name = withSuggestions(input("Event", "text", node.event, update("event"), { placeholder: "event, e.g. purchase" }), () => new URLSearchParams({ events: "1" }));
    const parts = [
      fieldSelect(node, parent),
      select("How often", catalogue.behaviour.verbs.map((each) => [each.key, each.label]), node.operator, update("operator", true)),
      verb(node).counts ? input("Times", "number", node.times, update("times"), { min: "0", step: "1", class: "sg-short" }) : null,
      name,
      select("When", [["ever", "ever"], ["days", "in the last … days"], ["between", "between two dates"]], node.time, update("time", true)),
      node.time === "days" ? input("Days", "number", node.within_days, update("within_days"), { min: "1", step: "1", class: "sg-short" }) : null,
      node.time === "between" ? valueEditor("dates", node.between, update("between"), {}) : null,
    ];
    const conditions = node.where.map((item) => drawWhere(node, item));
    const add = button("Only where a property…", "add", () => { node.where.push({ property: "", operator: "equals", value: undefined, type: "text" }); redraw(node); });
    return row(node, parent, parts, element("div", { class: "sg-wheres" }, ...conditions, add));
  }

  function drawWhere(node, item) {
    const operators = catalogue.behaviour.property_types[item.type];
    const update = (key, redraws) => (value) => {
      const before = whereOperator(item).input;
      item[key] = value;
      if (key === "type") { item.operator = catalogue.behaviour.property_types[value][0].key; item.value = undefined; }
      if (key === "operator" && whereOperator(item).input !== before) item.value = undefined;
      if (redraws) redraw(node); else changed(node);
    };
    return element("div", { class: "sg-where" }, element("span", { class: "sg-word" }, "where"),
      input("Property", "text", item.property, update("property"), { placeholder: "property" }),
      select("Type", [["text", "as text"], ["number", "as number"]], item.type, update("type", true)),
      select("Comparison", operators.map((operator) => [operator.key, operator.label]), item.operator, update("operator", true)),
      valueEditor(whereOperator(item).input, item.value, update("value"), {}),
      remover("Remove this condition", () => { node.where.splice(node.where.indexOf(item), 1); redraw(node); }));
  }

  function row(node, parent, parts, below) {
    const error = element("p", { class: "sg-error", role: "alert", hidden: true });
    const made = element("div", { class: "sg-row", role: "group", "aria-label": "Rule" },
      element("div", { class: "sg-row__parts" }, ...parts), remover("Remove this rule", () => { remove(parent, node); }), below, error);
    node.element = made;
    return made;
  }

  function drawGroup(node, parent) {
    const isRoot = parent === null;
    const add = (child) => { node.children.push(child); redraw(child); };
    const head = element("div", { class: "sg-group__head" },
      element("span", {}, isRoot ? "People for whom" : "for whom"),
      select("How the rules combine", MODES, node.mode, (mode) => { node.mode = mode; redraw(node); }),
      element("span", {}, node.children.length === 1 ? "is so:" : "are so:"),
      isRoot ? null : remover("Remove this group", () => { remove(parent, node); }));
    const word = node.mode === "all" || node.mode === "notall" ? "and" : "or";
    const rows = node.children.flatMap((child, index) => [index ? element("span", { class: "sg-joint", "aria-hidden": "true" }, word) : null, draw(child, node)]).filter(Boolean);
    const empty = node.children.length ? null : element("p", { class: "c-muted" }, isRoot ? "No rules yet: this is everyone." : "No rules in this group yet.");
    const error = element("p", { class: "sg-error", role: "alert", hidden: true });
    const made = element("div", { class: `sg-group${isRoot ? " is-root" : ""} is-${node.mode}`, role: "group", "aria-label": "Group of rules" }, head,
      element("div", { class: "sg-group__rows" }, ...rows, empty), error,
      element("div", { class: "c-actions" }, button("Add rule", "add", () => add(blankRule())), button("Add group", "library_add", () => add(group("any", [blankRule()])))));
    node.element = made;
    return made;
  }

  const draw = (node, parent) => (node.kind === "group" ? drawGroup(node, parent) : node.kind === "event" ? drawEvent(node, parent) : drawRule(node, parent));

  function replace(parent, node, next) { parent.children[parent.children.indexOf(node)] = next; }
  function remove(parent, node) { parent.children.splice(parent.children.indexOf(node), 1); redraw(parent); }

  /* Draw everything anew and give the keyboard back to the node that was just worked on. */
  function redraw(focused) {
    const label = document.activeElement && mount.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    mount.replaceChildren(draw(root, null));
    if (focused && focused.element) {
      const same = label && focused.element.querySelector(`[aria-label="${CSS.escape(label)}"]`);
      const first = same || focused.element.querySelector("select, input, button");
      if (first) first.focus();
    }
    changed(null);
  }

  // --- Telling others ----------------------------------------------------------------------------------------------

  function changed(node) {
    if (node && node.element) clearError(node);
    const tree = write(root);
    text.value = JSON.stringify(tree, null, 2);
    label(root, "");
    form.dispatchEvent(new CustomEvent("rules:change", { detail: { tree, isComplete: isComplete(root) } }));
  }

  /* Where each node stands in the JSON that was just written, so that problems find their row. */
  function label(node, path) {
    node.path = path;
    if (node.kind !== "group") return;
    const below = { all: "/all", any: "/any", none: "/not/any", notall: "/not/all" }[node.mode];
    node.children.forEach((child, index) => label(child, `${path}${below}/${index}`));
  }

  function clearError(node) {
    node.element.classList.remove("has-error");
    const shown = node.element.querySelector(":scope > .sg-error");
    if (shown) shown.hidden = true;
  }

  function each(node, visit) { visit(node); (node.children || []).forEach((child) => each(child, visit)); }

  function showProblems(problems) {
    each(root, (node) => { if (node.element) clearError(node); });
    let unplaced = 0;
    for (const problem of problems) {
      let placed = false;
      each(root, (node) => {
        if (node.path !== problem.path || placed || !node.element) return;
        placed = true;
        node.element.classList.add("has-error");
        const shown = node.element.querySelector(":scope > .sg-error");
        shown.textContent = problem.message;
        shown.hidden = false;
      });
      if (!placed) unplaced += 1;
    }
    return unplaced;
  }

  form.addEventListener("rules:problems", (event) => showProblems(event.detail));

  // --- Start -------------------------------------------------------------------------------------------------------

  try {
    const start = read(JSON.parse(text.value || '{"all": []}'), "");
    root = start.kind === "group" ? start : group("all", [start]);
  } catch {
    return; // rules that the form can't show stay in the text box, which is open
  }
  const early = JSON.parse(document.getElementById("segment-problems").textContent);
  mount.hidden = false;
  form.querySelector("[data-plain]").open = false;
  mount.replaceChildren(draw(root, null));
  if (early.length && showProblems(early) === 0) form.querySelectorAll("[data-rules-error]").forEach((shown) => { shown.hidden = true; });
  label(root, ""); // from here on, problems speak about the tree as this form writes it
  setTimeout(() => form.dispatchEvent(new CustomEvent("rules:change", { detail: { tree: write(root), isComplete: isComplete(root) } })), 0);

  text.addEventListener("change", () => {
    try {
      const typedIn = read(JSON.parse(text.value), "");
      root = typedIn.kind === "group" ? typedIn : group("all", [typedIn]);
      mount.replaceChildren(draw(root, null));
      changed(null);
    } catch {
      text.setCustomValidity("These rules can't be read. Check the JSON, the fields and the commas.");
      text.reportValidity();
      text.addEventListener("input", () => text.setCustomValidity(""), { once: true });
    }
  });

  const dynamicOnly = form.querySelector("[data-dynamic-only]");
  const followKind = () => {
    const chosen = form.querySelector("input[name=kind]:checked");
    if (chosen) dynamicOnly.hidden = chosen.value === "static";
  };
  form.querySelectorAll("input[name=kind]").forEach((radio) => radio.addEventListener("change", followKind));
  followKind();
})();
