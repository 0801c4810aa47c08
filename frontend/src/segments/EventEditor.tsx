/* What people did: which event, how often, when, and with which properties. */

import { useShared } from "./server";
import { blank, type Value } from "./shapes";
import type { Happening, Where } from "./tree";
import { Box, Select, Suggested, ValueEditor } from "./ValueEditor";

const TIMES = [
  { value: "ever", label: "ever" },
  { value: "days", label: "in the last … days" },
  { value: "between", label: "between two dates" },
];

interface Props { verb: string; onVerb: (verb: string) => void; value: Happening; onChange: (value: Happening) => void }

export function EventEditor({ verb, onVerb, value, onChange }: Props) {
  const { lookup } = useShared();
  const verbs = lookup.catalogue.behaviour.verbs.map((each) => ({ value: each.key, label: each.label }));
  const set = <Key extends keyof Happening>(key: Key) => (given: Happening[Key]) => onChange({ ...value, [key]: given });
  return (
    <>
      <Select label="How often" value={lookup.verb(verb).key} choices={verbs} onChange={onVerb} />
      {lookup.verb(verb).counts && <Box label="Times" type="number" min="0" step="1" className="sg-short" value={value.times} onChange={set("times")} />}
      <Suggested label="Event" text={value.event} onType={set("event")} question={{ events: "1" }} placeholder="event, for example purchase" />
      <Select label="When" value={value.time} choices={TIMES} onChange={(time) => set("time")(time as Happening["time"])} />
      {value.time === "days" && <Box label="Days" type="number" min="1" step="1" className="sg-short" value={value.within_days} onChange={set("within_days")} />}
      {value.time === "between" && <ValueEditor input="dates" value={value.between} onChange={set("between")} />}
    </>
  );
}

export function Wheres({ value, onChange }: { value: Happening; onChange: (value: Happening) => void }) {
  const { lookup } = useShared();
  const type = Object.keys(lookup.catalogue.behaviour.property_types)[0] ?? "text";
  const fresh: Where = { property: "", type, operator: lookup.ofProperty(type)[0]?.key ?? "", value: "" };
  const put = (index: number, where: Where) => onChange({ ...value, where: value.where.map((old, at) => (at === index ? where : old)) });
  const take = (index: number) => onChange({ ...value, where: value.where.filter((_, at) => at !== index) });
  return (
    <div className="sg-wheres">
      {value.where.map((where, index) => (
        <WhereEditor key={index} event={value.event} where={where} onChange={(next) => put(index, next)} onRemove={() => take(index)} />
      ))}
      <button type="button" className="c-btn c-btn--quiet sg-add" onClick={() => onChange({ ...value, where: [...value.where, fresh] })}>
        <span className="material-symbols-outlined" aria-hidden="true">add</span> Only where a property…
      </button>
    </div>
  );
}

function WhereEditor({ event, where, onChange, onRemove }: { event: string; where: Where; onChange: (where: Where) => void; onRemove: () => void }) {
  const { lookup } = useShared();
  const types = Object.keys(lookup.catalogue.behaviour.property_types).map((type) => ({ value: type, label: `as ${type}` }));
  const operators = lookup.ofProperty(where.type).map((operator) => ({ value: operator.key, label: operator.label }));
  const { input, key } = lookup.propertyOperator(where.type, where.operator);
  const retype = (type: string) => onChange({ ...where, type, operator: lookup.ofProperty(type)[0]?.key ?? "", value: "" });
  const set = <Key extends keyof Where>(name: Key) => (given: Where[Key]) => onChange({ ...where, [name]: given });
  return (
    <div className="sg-where" role="group" aria-label="Condition on a property">
      <span className="sg-word">where</span>
      <Suggested label="Property" text={where.property} onType={set("property")} question={event ? { event } : undefined} placeholder="property, for example amount" />
      <Select label="Type" value={where.type} choices={types} onChange={retype} />
      <Select label="Comparison" value={key} choices={operators} onChange={set("operator")} />
      <ValueEditor input={input} value={where.value ?? blank(input)} onChange={set("value") as (value: Value) => void} question={event && where.property ? { event, property: where.property } : undefined} />
      <button type="button" className="sg-remove" aria-label="Remove this condition" onClick={onRemove}><span className="material-symbols-outlined" aria-hidden="true">close</span></button>
    </div>
  );
}
