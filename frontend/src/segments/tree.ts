/* Between the rules as the server stores them and the query that the builder holds: nothing is lost either way. */

import { generateID, type RuleGroupType, type RuleType } from "react-querybuilder";
import { EVENT, type Lookup, OTHER } from "./catalogue";
import { type Happening, isHappeningComplete, readHappening, writeHappening } from "./happening";
import { blank, fit, isFilled, type Value } from "./shapes";

export type Json = unknown;
type Dict = Record<string, Json>;

/* `bare`: stored without a group of its own ({"not": rule}, or a single rule as the whole tree), and stays so. */
export type Group = RuleGroupType<RuleType, "all" | "any"> & { id: string; bare?: boolean };

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

function readEvent(json: Dict, lookup: Lookup): RuleType {
  const happening = readHappening(json, lookup);
  return happening ? row(EVENT, lookup.verb(String(json.operator ?? "")).key, happening) : row(OTHER, "", json);
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
  if (item.field === EVENT) return writeHappening(item.operator, item.value as Happening, lookup);
  return writeQuestion(item, lookup);
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

function isComplete(item: RuleType, lookup: Lookup): boolean {
  if (item.field === OTHER) return isDict(item.value);
  if (item.field !== EVENT) return isFilled(lookup.operator(item.field, item.operator)?.input ?? "none", item.value);
  return isHappeningComplete(item.operator, item.value as Happening, lookup);
}
