/* A group of rules: whether all or any of them must be so, or not be so, and what can be added to it. */

import { type CombinatorSelectorProps, RuleGroupBodyComponents, type RuleGroupProps, useRuleGroup } from "react-querybuilder";
import { EVENT } from "./catalogue";
import { Handle } from "./dnd";
import { useShared } from "./server";
import { Tools } from "./Tools";
import { Select } from "./ValueEditor";

const COMBINATORS = [
  { value: "all", label: "all of these are so" },
  { value: "any", label: "at least one of these is so" },
];
const YES_OR_NOT = [
  { value: "", label: "for whom" },
  { value: "not", label: "for whom it is not true that" },
];

type Prepared = ReturnType<typeof useRuleGroup>;

export function RuleGroup(props: RuleGroupProps) {
  const group = useRuleGroup(props);
  const { problems } = useShared();
  const problem = problems.get(group.id ?? "");
  const isRoot = group.path.length === 0;
  const state = [isRoot && "is-root", `is-${group.combinator}`, group.ruleGroup.not && "is-not", group.isDragging && "is-dragged", problem && "has-error"];
  return (
    <div ref={group.previewRef} className={`sg-group ${state.filter(Boolean).join(" ")}`} role="group" aria-label={isRoot ? "All rules" : "Group of rules"} data-rule-id={group.id}>
      <div ref={group.dropRef} className={`sg-group__head${group.isOver ? " is-over" : ""}`}><Head group={group} isRoot={isRoot} /></div>
      {problem && <p className="sg-error" role="alert">{problem}</p>}
      <div className="sg-group__rows">
        {group.ruleGroup.rules.length > 0 ? <RuleGroupBodyComponents {...group} /> : <p className="c-muted">{emptyWords(isRoot, group.ruleGroup.combinator)}</p>}
      </div>
      <Adders group={group} />
    </div>
  );
}

function Head({ group, isRoot }: { group: Prepared; isRoot: boolean }) {
  return (
    <>
      {!isRoot && <Handle label="Group of rules" innerRef={group.dragRef} attributes={group.dragHandleAttributes} />}
      {isRoot && <span>People</span>}
      <Select label="Whether they fit the rules or not" value={group.ruleGroup.not ? "not" : ""} choices={YES_OR_NOT} onChange={(value) => group.onNotToggleChange(value === "not")} />
      <Select label="How the rules combine" value={group.combinator ?? "all"} choices={COMBINATORS} onChange={group.onCombinatorChange} />
      {!isRoot && <Tools what="group" onUp={group.shiftGroupUp} onDown={group.shiftGroupDown} isFirst={group.shiftUpDisabled} isLast={group.shiftDownDisabled} onCopy={group.cloneGroup} onRemove={group.removeGroup} />}
    </>
  );
}

function Adders({ group }: { group: Prepared }) {
  return (
    <div className="c-actions sg-adders">
      <Adder icon="add" label="Add rule" onClick={() => group.addRule()} />
      <Adder icon="bolt" label="Add what they did" onClick={() => group.addRule(undefined, { field: EVENT })} />
      <Adder icon="library_add" label="Add group" onClick={() => group.addGroup()} />
    </div>
  );
}

function Adder({ icon, label, onClick }: { icon: string; label: string; onClick: () => void }) {
  return <button type="button" className="c-btn c-btn--quiet sg-add" onClick={onClick}><span className="material-symbols-outlined" aria-hidden="true">{icon}</span> {label}</button>;
}

function emptyWords(isRoot: boolean, combinator?: string): string {
  if (combinator === "any") return "No rules here: nobody fits.";
  return isRoot ? "No rules yet: this is everyone." : "No rules in this group yet: everyone fits.";
}

/* The word between two rules; in between is also a place to drop a rule. */
export function Joint({ value }: CombinatorSelectorProps) {
  return <span className="sg-joint" aria-hidden="true">{value === "any" ? "or" : "and"}</span>;
}
