/* What people did: which event, how often or how much, when, of which campaign, and with which properties. */

import { asChoices, type Origin } from "./catalogue";
import { type Happening, type Where, type Window, windowOf, WINDOWS } from "./happening";
import { useShared } from "./server";
import { blank, type Value } from "./shapes";
import { Box, OneOf, Select, Suggested, ValueEditor } from "./ValueEditor";

type Setter = <Key extends keyof Happening>(key: Key) => (given: Happening[Key]) => void;
interface Props { value: Happening; onChange: (value: Happening) => void }

const KINDS = WINDOWS.map(({ kind, label }) => ({ value: kind, label }));

export function EventEditor({ verb, onVerb, value, onChange }: Props & { verb: string; onVerb: (verb: string) => void }) {
  const { lookup } = useShared();
  const { key, counts, compares, takes_property } = lookup.verb(verb);
  const { verbs, messages } = lookup.catalogue.behaviour;
  const set: Setter = (name) => (given) => onChange({ ...value, [name]: given });
  return (
    <>
      <Select label="How often" value={key} choices={asChoices(verbs)} onChange={onVerb} />
      {counts && <Box label="Times" type="number" min="0" step="1" className="sg-short" value={value.times} onChange={set("times")} />}
      {takes_property && <Property event={value.event} property={value.property} onChange={set("property")} />}
      <Suggested label="Event" text={value.event} onType={set("event")} question={{ events: "1" }} named={messages} placeholder="event, for example purchase" />
      <When window={value.window} onChange={set("window")} />
      {compares && <Compared type={compares} value={value} set={set} />}
      {lookup.isMessage(value.event) && <OfMessages value={value} set={set} />}
    </>
  );
}

function When({ window, onChange }: { window: Window; onChange: (window: Window) => void }) {
  const kind = windowOf(window.kind);
  const unit = kind.within === "within_hours" ? "Hours" : "Days";
  return (
    <>
      <Select label="When" value={kind.kind} choices={KINDS} onChange={(next) => onChange({ ...window, kind: next })} />
      {kind.before && !kind.within && <Days label="Days" value={window.before} onChange={(before) => onChange({ ...window, before })} />}
      {kind.within && <Days label={kind.before ? `${unit}, at most` : unit} value={window.within} onChange={(within) => onChange({ ...window, within })} />}
      {kind.before && kind.within && <Days label="Days, at least" value={window.before} onChange={(before) => onChange({ ...window, before })} />}
      {kind.between && <ValueEditor input="dates" value={window.between} onChange={(between) => onChange({ ...window, between })} />}
    </>
  );
}

function Days(props: { label: string; value: Value; onChange: (value: Value) => void }) {
  return <Box type="number" min="1" step="1" className="sg-short" {...props} />;
}

function Compared({ type, value, set }: { type: string; value: Happening; set: Setter }) {
  const { lookup } = useShared();
  const { key, input } = lookup.comparison(type, value.is);
  return (
    <>
      <Select label="Comparison" value={key} choices={asChoices(lookup.comparisons(type))} onChange={set("is")} />
      <ValueEditor input={input} value={value.value ?? blank(input)} onChange={set("value")} />
    </>
  );
}

function OfMessages({ value, set }: { value: Happening; set: Setter }) {
  const { lookup } = useShared();
  const narrowed = value.of_last !== "";
  const choose = (origin: Origin) => (uuid: string) => {
    const { [origin.key]: _, ...others } = value.origins;
    set("origins")(uuid ? { ...others, [origin.key]: uuid } : others);
  };
  return (
    <>
      {lookup.catalogue.behaviour.origins.map((origin) => (
        <OneOf key={origin.key} label={`Of which ${origin.label}`} value={value.origins[origin.key] ?? ""} none={`of any ${origin.label}`} choices={origin.choices} onChange={choose(origin)} />
      ))}
      <Select label="Of which messages" value={narrowed ? "last" : ""} choices={[{ value: "", label: "of all messages" }, { value: "last", label: "of their last … messages" }]} onChange={(kind) => set("of_last")(kind ? 5 : "")} />
      {narrowed && <Days label="Messages" value={value.of_last} onChange={set("of_last")} />}
    </>
  );
}

function Property({ event, property, onChange }: { event: string; property: string; onChange: (property: string) => void }) {
  return <Suggested label="Property" text={property} onType={onChange} question={event ? { event } : undefined} placeholder="property, for example amount" />;
}

// --- Conditions on properties ------------------------------------------------------------------------------------

export function Wheres({ value, onChange }: Props) {
  const { lookup } = useShared();
  const type = Object.keys(lookup.catalogue.behaviour.property_types)[0] ?? "";
  const fresh: Where = { property: "", type, operator: lookup.propertyOperator(type, "").key, value: "" };
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

interface WhereProps { event: string; where: Where; onChange: (where: Where) => void; onRemove: () => void }

function WhereEditor({ event, where, onChange, onRemove }: WhereProps) {
  const { lookup } = useShared();
  const types = Object.keys(lookup.catalogue.behaviour.property_types).map((type) => ({ value: type, label: `as ${type}` }));
  const { input, key } = lookup.propertyOperator(where.type, where.operator);
  const question = event && where.property ? { event, property: where.property } : undefined;
  return (
    <div className="sg-where" role="group" aria-label="Condition on a property">
      <span className="sg-word">where</span>
      <Property event={event} property={where.property} onChange={(property) => onChange({ ...where, property })} />
      <Select label="Type" value={where.type} choices={types} onChange={(type) => onChange({ ...where, type, operator: lookup.propertyOperator(type, "").key })} />
      <Select label="Comparison" value={key} choices={asChoices(lookup.ofProperty(where.type))} onChange={(operator) => onChange({ ...where, operator })} />
      <ValueEditor input={input} value={where.value ?? blank(input)} onChange={(value) => onChange({ ...where, value })} question={question} />
      <button type="button" className="sg-remove" aria-label="Remove this condition" onClick={onRemove}><span className="material-symbols-outlined" aria-hidden="true">close</span></button>
    </div>
  );
}
