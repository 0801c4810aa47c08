/* Shapes of values: what a blank one is, what another shape's value becomes, whether something is still missing. */

export type Value = unknown;

const isPair = (value: Value): value is [Value, Value] => Array.isArray(value) && value.length === 2;
const isText = (value: Value): value is string => typeof value === "string";

const blanks: Record<string, () => Value> = {
  none: () => null,
  text: () => "",
  texts: () => [],
  number: () => "",
  numbers: () => ["", ""],
  date: () => "",
  dates: () => ["", ""],
  count: () => "",
  flag: () => true,
  choice: () => "",
  choices: () => [],
  pattern: () => "",
  version: () => "",
  versions: () => ["", ""],
  circle: () => ({ lat: "", lon: "", km: "" }),
};

export function blank(input: string): Value {
  return blanks[input]?.() ?? "";
}

/* The value as this shape has it. What was typed under another comparison is kept where it makes sense. */
export function fit(input: string, value: Value): Value {
  switch (input) {
    case "none": return null;
    case "text":
    case "pattern":
    case "version": return isText(value) ? value : Array.isArray(value) ? String(value[0] ?? "") : String(value ?? "");
    case "texts":
    case "choices": return Array.isArray(value) ? value : isText(value) && value ? [value] : [];
    case "number":
    case "count": return numeric(Array.isArray(value) ? value[0] : value);
    case "numbers": return isPair(value) ? value.map(numeric) : [numeric(value), ""];
    case "date": return isText(value) ? value : Array.isArray(value) && isText(value[0]) ? value[0] : "";
    case "dates":
    case "versions": return isPair(value) ? value : ["", ""];
    case "circle": return circle(value);
    case "flag": return typeof value === "boolean" ? value : true;
    case "choice": return isText(value) ? value : "";
    default: return value ?? "";
  }
}

export function isFilled(input: string, value: Value): boolean {
  const fitted = fit(input, value);
  if (input === "none") return true;
  if (input === "circle") return Object.values(fitted as object).every(isThere);
  return Array.isArray(fitted) ? fitted.length > 0 && fitted.every(isThere) : isThere(fitted);
}

const isThere = (value: Value) => value !== "" && value !== null && value !== undefined;

/* "12" is 12, and what is no number stays as it was typed, for the server to say so. */
export function numeric(value: Value): Value {
  if (typeof value === "number") return value;
  if (!isText(value)) return "";
  return value.trim() === "" || Number.isNaN(Number(value)) ? value.trim() : Number(value);
}

function circle(value: Value): Value {
  const { lat, lon, km } = (typeof value === "object" && value !== null ? value : {}) as Record<string, Value>;
  return { lat: numeric(lat), lon: numeric(lon), km: numeric(km) };
}
