/* One rule: its field, its comparison, its value, what is wrong with it, and the buttons that move, copy or remove it. */

import { useMemo } from "react";
import { type RuleProps, useRule } from "react-querybuilder";
import { asChoices, EVENT, type Lookup, OTHER } from "./catalogue";
import { Combobox } from "./Combobox";
import { Handle } from "./dnd";
import { EventEditor, Wheres } from "./EventEditor";
import { useShared } from "./server";
import { Tools } from "./Tools";
import type { Happening } from "./happening";
import { Box, parsed, Select, ValueEditor } from "./ValueEditor";

type Prepared = ReturnType<typeof useRule>;

export function Row(props: RuleProps) {
  const row = useRule(props);
  const { lookup, problems } = useShared();
  const problem = problems.get(row.rule.id ?? "");
  const name = nameOf(row.rule.field, lookup);
  const state = [row.isDragging && "is-dragged", row.isOver && "is-over", problem && "has-error"].filter(Boolean).join(" ");
  return (
    <div ref={row.dndRef} className={`sg-row ${state}`} role="group" aria-label={`Rule: ${name}`} data-rule-id={row.rule.id}>
      <Handle label={name} innerRef={row.dragRef} attributes={row.dragHandleAttributes} />
      <div className="sg-row__parts"><Parts row={row} /></div>
      <Tools what="rule" onUp={row.shiftRuleUp} onDown={row.shiftRuleDown} isFirst={row.shiftUpDisabled} isLast={row.shiftDownDisabled} onCopy={row.cloneRule} onRemove={row.removeRule} />
      {row.rule.field === EVENT && <Wheres value={row.rule.value as Happening} onChange={row.onChangeValue} />}
      {problem && <p className="sg-error" role="alert">{problem}</p>}
    </div>
  );
}

function Parts({ row }: { row: Prepared }) {
  const { lookup } = useShared();
  const { field, operator, value } = row.rule;
  const picker = <FieldPicker field={field} onPick={row.onChangeField} />;
  if (field === OTHER) return <>{picker}<Unknown value={value} onChange={row.onChangeValue} /></>;
  if (field === EVENT) return <>{picker}<EventEditor verb={operator} onVerb={row.onChangeOperator} value={value as Happening} onChange={row.onChangeValue} /></>;
  const known = lookup.field(field);
  return (
    <>
      {picker}
      <Select label="Comparison" value={operator} choices={asChoices(known?.operators ?? [])} onChange={row.onChangeOperator} />
      <ValueEditor input={lookup.operator(field, operator)?.input ?? "none"} value={value} onChange={row.onChangeValue} choices={known?.choices} question={{ field }} />
    </>
  );
}

/* A rule that this page has no editor for, or whose field is gone: shown as it is stored, never lost. */
function Unknown({ value, onChange }: { value: unknown; onChange: (value: unknown) => void }) {
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return <Box label="Rule as text" type="text" className="c-mono" value={shown} onChange={(raw) => onChange(parsed(raw))} />;
}

function FieldPicker({ field, onPick }: { field: string; onPick: (field: string) => void }) {
  const { lookup } = useShared();
  const options = useMemo(() => fieldOptions(lookup), [lookup]);
  return <Combobox label="Field" className="sg-field" text={nameOf(field, lookup)} chosen={field} options={options} onPick={onPick} placeholder="search for a field" none="No field has this name." />;
}

export function fieldOptions(lookup: Lookup) {
  const fields = lookup.catalogue.fields.map((field) => ({ value: field.key, label: field.label, group: field.group }));
  return [...fields, { value: EVENT, label: "What they did", group: "Behaviour" }];
}

function nameOf(field: string, lookup: Lookup): string {
  return field === EVENT ? "What they did" : field === OTHER ? "Other rule" : (lookup.field(field)?.label ?? field);
}
