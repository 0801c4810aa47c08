/* A rule about what people did, between the form in which the server stores it and the one that is edited. */

import type { Lookup } from "./catalogue";
import { blank, fit, isFilled, numeric, type Value } from "./shapes";

type Dict = Record<string, unknown>;

export interface Where { property: string; type: string; operator: string; value: Value }

/* `is`, `value` and `property` belong to verbs that compare a figure; `origins` and `of_last` to events of messages. */
export interface Happening {
  event: string;
  times: Value;
  property: string;
  is: string;
  value: Value;
  window: Window;
  where: Where[];
  origins: Record<string, string>;
  of_last: Value;
}

export interface Window { kind: string; within: Value; before: Value; between: Value }

/* Which of the window's parts each kind has, and under which key of the rule. */
export const WINDOWS: { kind: string; label: string; within?: string; before?: string; between?: string }[] = [
  { kind: "ever", label: "ever" },
  { kind: "days", label: "in the last … days", within: "within_days" },
  { kind: "hours", label: "in the last … hours", within: "within_hours" },
  { kind: "before", label: "more than … days ago", before: "before_days" },
  { kind: "span", label: "from … to … days ago", within: "within_days", before: "before_days" },
  { kind: "span-hours", label: "in the last … hours, but more than … days ago", within: "within_hours", before: "before_days" },
  { kind: "between", label: "between two dates", between: "between" },
];
const PARTS = ["within", "before", "between"] as const;

export const windowOf = (kind: string) => WINDOWS.find((window) => window.kind === kind) ?? WINDOWS[0]!;

export function blankHappening(): Happening {
  const window = { kind: "ever", within: 30, before: 7, between: blank("dates") };
  return { event: "", times: 1, property: "", is: "", value: "", window, where: [], origins: {}, of_last: "" };
}

/* Null for a rule that has something this page doesn't know; it is then kept as it is. */
export function readHappening(json: Dict, lookup: Lookup): Happening | null {
  const origins = lookup.catalogue.behaviour.origins.map((origin) => origin.key);
  const known = new Set(["event", "operator", "times", "property", "is", "value", "where", "of_last", ...origins, "within_days", "within_hours", "before_days", "between"]);
  const window = readWindow(json);
  if (!window || Object.keys(json).some((key) => !known.has(key))) return null;
  return {
    ...blankHappening(),
    event: String(json.event ?? ""),
    times: json.times ?? 1,
    property: String(json.property ?? ""),
    is: lookup.named(json.is),
    value: json.value,
    window,
    where: (Array.isArray(json.where) ? json.where : []).map((item) => readWhere(item as Dict, lookup)),
    origins: Object.fromEntries(origins.flatMap((key) => (json[key] ? [[key, String(json[key])]] : []))),
    of_last: json.of_last ?? "",
  };
}

function readWindow(json: Dict): Window | null {
  const has = (key: string | undefined) => key !== undefined && json[key] !== undefined && json[key] !== null && json[key] !== "";
  const keys = ["within_days", "within_hours", "before_days", "between"].filter(has).sort().join();
  const found = WINDOWS.find((window) => PARTS.map((part) => window[part]).filter((key) => key !== undefined).sort().join() === keys);
  if (!found) return null;
  const window: Window = { ...blankHappening().window, kind: found.kind };
  for (const part of PARTS) if (has(found[part])) window[part] = json[found[part]!];
  return window;
}

function readWhere(json: Dict, lookup: Lookup): Where {
  const first = Array.isArray(json.value) ? json.value[0] : json.value;
  const guessed = typeof first === "number" ? "number" : typeof first === "boolean" ? "boolean" : "text";
  const type = typeof json.type === "string" ? json.type : guessed;
  const operator = lookup.named(json.operator) || lookup.ofProperty(type)[0]?.key || "";
  return { property: String(json.property ?? ""), type, operator, value: json.value };
}

export function writeHappening(verb: string, value: Happening, lookup: Lookup): Dict {
  const { counts, compares, takes_property } = lookup.verb(verb);
  const json: Dict = { event: value.event, operator: verb };
  if (counts) json.times = numeric(value.times);
  if (takes_property) json.property = value.property;
  if (compares) Object.assign(json, compared(lookup, compares, value));
  const window = windowOf(value.window.kind);
  for (const part of PARTS) if (window[part]) json[window[part]] = part === "between" ? value.window.between : numeric(value.window[part]);
  if (lookup.isMessage(value.event)) {
    Object.assign(json, value.origins);
    if (value.of_last !== "") json.of_last = numeric(value.of_last);
  }
  if (value.where.length) json.where = value.where.map((where) => writeWhere(where, lookup));
  return json;
}

function compared(lookup: Lookup, type: string, value: Happening): Dict {
  const { key, input } = lookup.comparison(type, value.is);
  return input === "none" ? { is: key } : { is: key, value: fit(input, value.value) };
}

function writeWhere(where: Where, lookup: Lookup): Dict {
  const { input, key } = lookup.propertyOperator(where.type, where.operator);
  const json = { property: where.property, operator: key, type: where.type };
  return input === "none" ? json : { ...json, value: fit(input, where.value) };
}

export function isHappeningComplete(verb: string, value: Happening, lookup: Lookup): boolean {
  const { counts, compares, takes_property } = lookup.verb(verb);
  const window = windowOf(value.window.kind);
  const isTimed = PARTS.every((part) => !window[part] || isFilled(part === "between" ? "dates" : "count", value.window[part]));
  return value.event !== "" && isTimed
    && (!counts || isFilled("count", value.times))
    && (!takes_property || value.property !== "")
    && (!compares || isFilled(lookup.comparison(compares, value.is).input, value.value))
    && value.where.every((where) => where.property !== "" && isFilled(lookup.propertyOperator(where.type, where.operator).input, where.value));
}
