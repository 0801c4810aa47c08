/* Between the rules as the server stores them and the query that the builder holds: nothing is lost either way. */

import { generateID, type RuleGroupType, type RuleType } from "react-querybuilder";
import { EVENT, type Lookup, OTHER } from "./catalogue";
import { blank, fit, isFilled, numeric, type Value } from "./shapes";

export type Json = unknown;
type Dict = Record<string, Json>;

/* `bare`: stored without a group of its own ({"not": rule}, or a single rule as the whole tree), and stays so. */
export type Group = RuleGroupType<RuleType, "all" | "any"> & { id: string; bare?: boolean };

export interface Where { property: string; type: string; operator: string; value: Value }
export interface Happening {
  event: string;
  times: Value;
  time: "ever" | "days" | "between";
  within_days: Value;
  between: Value;
  where: Where[];
}

export interface Written {
  tree: Json;
  places: Map<string, string>; // JSON pointer -> id of the row or group that stands for it
  missing: number; // rows that still lack something
}

export const isGroup = (item: RuleType | RuleGroupType): item is Group => "rules" in item;

const isDict = (json: Json): json is Dict => typeof json === "object" && json !== null && !Array.isArray(json);
const row = (field: string, operator: string, value: Value): RuleType => ({ id: generateID(), field, operator, value });

export function group(combinator: "all" | "any", rules: (RuleType | Group)[], more: Partial<Group> = {}): Group {
  return { id: generateID(), combinator, not: false, rules, ...more } as Group;
}

export function blankHappening(): Happening {
  return { event: "", times: 1, time: "ever", within_days: 30, between: blank("dates"), where: [] };
}

// --- Reading -----------------------------------------------------------------------------------------------------

/* The query for a stored tree; its root is a group even where the tree is a single rule. */
export function read(json: Json, lookup: Lookup): Group {
  const found = readNode(json, lookup);
  return isGroup(found) ? found : group("all", [found], { bare: true });
}

function readNode(json: Json, lookup: Lookup): RuleType | Group {
  if (!isDict(json)) throw new Error("A rule is an object.");
  if ("field" in json) return readQuestion(json, lookup);
  if ("event" in json) return readEvent(json, lookup);
  if ("not" in json) return readNot(json.not, lookup);
  for (const word of ["all", "any"] as const) {
    const children = json[word];
    if (Array.isArray(children)) return group(word, children.map((child) => readNode(child, lookup)));
  }
  return row(OTHER, "", json);
}

function readNot(json: Json, lookup: Lookup): Group {
  const inner = readNode(json, lookup);
  return isGroup(inner) && !inner.not ? { ...inner, not: true } : group("all", [inner], { not: true, bare: true });
}

function readQuestion(json: Dict, lookup: Lookup): RuleType {
  const field = String(json.field);
  const operator = lookup.operator(field, lookup.named(json.operator));
  return operator ? row(field, operator.key, json.value ?? blank(operator.input)) : row(OTHER, "", json);
}

const EVENT_KEYS = new Set(["event", "operator", "times", "within_days", "between", "where"]);

function readEvent(json: Dict, lookup: Lookup): RuleType {
  if (Object.keys(json).some((key) => !EVENT_KEYS.has(key))) return row(OTHER, "", json);
  const days = json.within_days ?? "";
  const happening: Happening = {
    ...blankHappening(),
    event: String(json.event ?? ""),
    times: json.times ?? 1,
    time: days !== "" ? "days" : json.between ? "between" : "ever",
    within_days: days === "" ? 30 : days,
    between: json.between ?? blank("dates"),
    where: (Array.isArray(json.where) ? json.where : []).filter(isDict).map((item) => readWhere(item, lookup)),
  };
  return row(EVENT, String(json.operator ?? "did"), happening);
}

function readWhere(json: Dict, lookup: Lookup): Where {
  const first = Array.isArray(json.value) ? json.value[0] : json.value;
  const type = typeof json.type === "string" ? json.type : typeof first === "number" ? "number" : "text";
  return { property: String(json.property ?? ""), type, operator: lookup.named(json.operator ?? "equals"), value: json.value };
}

// --- Writing -----------------------------------------------------------------------------------------------------

export function write(root: Group, lookup: Lookup): Written {
  const written: Written = { tree: null, places: new Map(), missing: 0 };
  written.tree = writeNode(root, "", lookup, written);
  return written;
}

function writeNode(item: RuleType | Group, path: string, lookup: Lookup, written: Written): Json {
  if (isGroup(item)) return writeGroup(item, path, lookup, written);
  written.places.set(path, item.id!);
  if (!isComplete(item, lookup)) written.missing += 1;
  if (item.field === OTHER) return item.value;
  return item.field === EVENT ? writeEvent(item, lookup) : writeQuestion(item, lookup);
}

function writeGroup(item: Group, path: string, lookup: Lookup, written: Written): Json {
  const below = item.not ? `${path}/not` : path;
  const [only] = item.rules;
  if (item.bare && item.rules.length === 1) {
    const inner = writeNode(only as RuleType | Group, below, lookup, written);
    if (item.not) written.places.set(path, item.id);
    return item.not ? { not: inner } : inner;
  }
  written.places.set(path, item.id).set(below, item.id);
  const word = item.combinator;
  const children = item.rules.map((child, index) => writeNode(child as RuleType | Group, `${below}/${word}/${index}`, lookup, written));
  return item.not ? { not: { [word]: children } } : { [word]: children };
}

function writeQuestion(item: RuleType, lookup: Lookup): Json {
  const input = lookup.operator(item.field, item.operator)?.input ?? "none";
  const question = { field: item.field, operator: item.operator };
  return input === "none" ? question : { ...question, value: fit(input, item.value) };
}

function writeEvent(item: RuleType, lookup: Lookup): Json {
  const value = item.value as Happening;
  const json: Dict = { event: value.event, operator: item.operator };
  if (lookup.verb(item.operator).counts) json.times = numeric(value.times);
  if (value.time === "days") json.within_days = numeric(value.within_days);
  if (value.time === "between") json.between = value.between;
  if (value.where.length) json.where = value.where.map((where) => writeWhere(where, lookup));
  return json;
}

function writeWhere(where: Where, lookup: Lookup): Json {
  const { input, key } = lookup.propertyOperator(where.type, where.operator);
  const json = { property: where.property, operator: key, type: where.type };
  return input === "none" ? json : { ...json, value: fit(input, where.value) };
}

function isComplete(item: RuleType, lookup: Lookup): boolean {
  if (item.field === OTHER) return isDict(item.value);
  if (item.field !== EVENT) return isFilled(lookup.operator(item.field, item.operator)?.input ?? "none", item.value);
  const value = item.value as Happening;
  const isTimed = value.time === "ever" || (value.time === "days" ? isFilled("count", value.within_days) : isFilled("dates", value.between));
  return value.event !== "" && isTimed && (!lookup.verb(item.operator).counts || isFilled("count", value.times))
    && value.where.every((where) => where.property !== "" && isFilled(lookup.propertyOperator(where.type, where.operator).input, where.value));
}
