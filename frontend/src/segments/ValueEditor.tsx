/* One editor for each shape of value. A shape that is new on the server is edited as plain text or JSON until it has one. */

import { useRef, useState } from "react";
import type { Choice } from "./catalogue";
import { Combobox } from "./Combobox";
import { useShared } from "./server";
import { fit, type Value } from "./shapes";

const FEW = 12; // up to here a plain select is quicker than a search

interface Props {
  input: string;
  value: Value;
  onChange: (value: Value) => void;
  choices?: Choice[];
  question?: Record<string, string>; // what to ask the server for suggestions
  label?: string;
}

export function ValueEditor(props: Props) {
  const { input, onChange, choices = [], label = "Value" } = props;
  const value = fit(input, props.value);
  switch (input) {
    case "none": return null;
    case "pattern": return <Box label="Pattern" type="text" className="c-mono" placeholder="for example ^A.*[0-9]$" value={value} onChange={onChange} />;
    case "version": return <Box label="Version" type="text" placeholder="for example 2.10.3" value={value} onChange={onChange} />;
    case "versions": return <Pair type="text" values={value as Value[]} onChange={onChange} />;
    case "circle": return <Circle value={value as Record<string, Value>} onChange={onChange} />;
    case "text": return <Suggested label={label} text={value as string} onType={onChange} question={props.question} placeholder="value" />;
    case "texts": return <Chips values={value as string[]} {...props} />;
    case "number": return <Box label={label} type="number" value={value} onChange={onChange} step="any" />;
    case "count": return <Box label={label === "Value" ? "How many" : label} type="number" value={value} onChange={onChange} min="0" step="1" />;
    case "date": return <Box label={label === "Value" ? "Date" : label} type={DAY.test(value as string) ? "date" : "text"} value={value} onChange={onChange} />;
    case "numbers": return <Pair type="number" values={value as Value[]} onChange={onChange} />;
    case "dates": return <Pair type="date" values={value as Value[]} onChange={onChange} />;
    case "flag": return <Select label={label} value={String(value)} choices={YES_NO} onChange={(raw) => onChange(raw === "true")} />;
    case "choice": return <OneOf label={label} value={value as string} choices={choices} onChange={onChange} />;
    case "choices": return <Chips values={value as string[]} {...props} />;
    default: return <AnyText label={label} value={value} onChange={onChange} />;
  }
}

const DAY = /^(\d{4}-\d\d-\d\d)?$/; // a moment with an hour is shown as it is stored
const YES_NO = [{ value: "true", label: "yes" }, { value: "false", label: "no" }];

interface BoxProps { label: string; type: string; value: Value; onChange: (value: string) => void; step?: string; min?: string; className?: string; placeholder?: string }

export function Box({ label, value, onChange, ...rest }: BoxProps) {
  return <input aria-label={label} value={String(value ?? "")} onChange={(event) => onChange(event.target.value)} autoComplete="off" {...rest} />;
}

export function Select({ label, value, choices, onChange }: { label: string; value: string; choices: Choice[]; onChange: (value: string) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
    </select>
  );
}

interface OneOfProps { label: string; value: string; choices: Choice[]; onChange: (value: string) => void; none?: string }

export function OneOf({ label, value, choices, onChange, none = "choose…" }: OneOfProps) {
  const all = [{ value: "", label: none }, ...choices];
  if (choices.length <= FEW) return <Select label={label} value={value} choices={all} onChange={onChange} />;
  const text = choices.find((choice) => choice.value === value)?.label ?? value;
  return <Combobox label={label} text={text} chosen={value} options={all} onPick={onChange} placeholder={none} />;
}

function Circle({ value, onChange }: { value: Record<string, Value>; onChange: (value: Value) => void }) {
  const box = (key: string, label: string) => <Box label={label} type="number" step="any" placeholder={label.toLowerCase()} value={value[key]} onChange={(raw) => onChange({ ...value, [key]: raw })} />;
  return <span className="sg-pair">{box("km", "Kilometres")}<span>of</span>{box("lat", "Latitude")}{box("lon", "Longitude")}</span>;
}

function Pair({ type, values, onChange }: { type: string; values: Value[]; onChange: (value: Value) => void }) {
  const box = (index: 0 | 1, label: string) => (
    <Box label={label} type={type} step={type === "number" ? "any" : undefined} value={values[index]} onChange={(raw) => onChange(index ? [values[0], raw] : [raw, values[1]])} />
  );
  return <span className="sg-pair">{box(0, "From")}<span>and</span>{box(1, "To")}</span>;
}

/* A list of values: those it has, each with a way to take it out, and a box for the next. */
function Chips({ values, choices = [], input, onChange, question, label = "Value" }: Props & { values: string[] }) {
  const [typed, setTyped] = useState("");
  const shown = (value: string) => choices.find((choice) => choice.value === value)?.label ?? value;
  const take = (raw: string) => {
    const added = raw.split(",").map((part) => part.trim()).filter((part) => part && !values.includes(part));
    setTyped("");
    if (added.length) onChange([...values, ...added]);
  };
  const type = (raw: string) => (raw.endsWith(",") ? take(raw) : setTyped(raw));
  const add = (value: string) => { setTyped(""); if (!values.includes(value)) onChange([...values, value]); };
  const placeholder = values.length ? "and…" : input === "choices" ? "choose…" : "value, then Enter";
  return (
    <span className="sg-chips" role="group" aria-label={label} onBlur={() => take(typed)}>
      {values.map((value) => (
        <span key={value} className="sg-chip">{shown(value)}
          <button type="button" className="sg-remove" aria-label={`Remove ${shown(value)}`} onClick={() => onChange(values.filter((other) => other !== value))}><span className="material-symbols-outlined" aria-hidden="true">close</span></button>
        </span>
      ))}
      {input === "choices"
        ? <Combobox label="Add a value" text="" options={choices.filter((choice) => !values.includes(choice.value))} onPick={add} placeholder={placeholder} />
        : <Suggested label="Add a value" text={typed} onType={type} onPick={add} onEnter={take} question={question} placeholder={placeholder} />}
    </span>
  );
}

interface SuggestedProps {
  label: string;
  text: string;
  onType: (typed: string) => void;
  onPick?: (value: string) => void;
  onEnter?: (typed: string) => void;
  question?: Record<string, string>;
  named?: Choice[]; // those among the suggestions that have a name of their own
  placeholder?: string;
}

/* A text with what people really have below it. An older question is dropped when a newer one is asked. */
export function Suggested({ question, onType, onPick = onType, named = [], ...rest }: SuggestedProps) {
  const { server } = useShared();
  const [found, setFound] = useState<string[]>([]);
  const running = useRef<{ asked: string; abort: AbortController; timer: number }>(null);
  const look = (typed: string) => {
    const asked = JSON.stringify([question, typed]);
    if (!question || running.current?.asked === asked) return;
    running.current?.abort.abort();
    window.clearTimeout(running.current?.timer);
    const abort = new AbortController();
    const ask = () => server.suggest({ ...question, q: typed }, abort.signal).then(setFound, () => undefined);
    running.current = { asked, abort, timer: window.setTimeout(ask, running.current ? 200 : 0) };
  };
  return <Combobox {...rest} options={suggested(found, named, rest.text)} onType={onType} onPick={onPick} onLook={look} />;
}

function suggested(found: string[], named: Choice[], typed: string): Choice[] {
  const about = named.filter((choice) => `${choice.label} ${choice.value}`.toLowerCase().includes(typed.toLowerCase()));
  const others = found.filter((value) => !named.some((choice) => choice.value === value));
  return [...others.map((value) => ({ value, label: value })), ...about.map(({ value, label }) => ({ value, label: `${value}: ${label}` }))];
}

function AnyText({ label, value, onChange }: { label: string; value: Value; onChange: (value: Value) => void }) {
  const [typed, setTyped] = useState(typeof value === "string" ? value : JSON.stringify(value));
  const change = (raw: string) => { setTyped(raw); onChange(parsed(raw)); };
  return <Box label={label} type="text" value={typed} onChange={change} />;
}

/* Lists, objects and numbers as JSON has them; anything else is a text. */
export function parsed(raw: string): Value {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}
