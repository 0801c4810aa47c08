/* The builder: the query, what it is written as, and what the server says about it. */

import { QueryBuilderDnD } from "@react-querybuilder/dnd";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { QueryBuilder, type RuleGroupType, type RuleType } from "react-querybuilder";
import { EVENT, type Lookup } from "./catalogue";
import { adapter } from "./dnd";
import { useFocus } from "./focus";
import { blankHappening } from "./happening";
import { Live, useLive } from "./Live";
import { fieldOptions, Row } from "./Row";
import { Joint, RuleGroup } from "./RuleGroup";
import { type Problem, type Server, Shared } from "./server";
import { blank } from "./shapes";
import { RulesAsText } from "./RulesAsText";
import { type Group, type Json, read, write, type Written } from "./tree";

const CONTROLS = { rule: Row, ruleGroup: RuleGroup, combinatorSelector: Joint };
const COMBINATORS = [{ name: "all", value: "all", label: "and" }, { name: "any", value: "any", label: "or" }];

interface Props {
  start: Json;
  problems: Problem[];
  lookup: Lookup;
  server: Server;
  aside: HTMLElement;
  onWrite: (tree: Json) => void;
}

export function Builder({ start, problems: early, lookup, server, aside, onWrite }: Props) {
  const [query, setQuery] = useState<Group>(() => read(start, lookup));
  const written = useMemo(() => write(query, lookup), [query, lookup]);
  const [problems, report] = useProblems(written, early);
  const answer = useLive(server, written, report);
  const focus = useFocus(query);
  const fields = useMemo(() => fieldOptions(lookup).map((option) => ({ name: option.value, ...option })), [lookup]);
  const shared = useMemo(() => ({ lookup, server, problems }), [lookup, server, problems]);
  useEffect(() => onWrite(written.tree), [onWrite, written]);
  return (
    <Shared value={shared}>
      <QueryBuilderDnD dnd={adapter} controlElements={CONTROLS as object}>
        <QueryBuilder
          query={query as RuleGroupType} onQueryChange={(next) => setQuery(next as Group)} fields={fields} combinators={COMBINATORS}
          showCombinatorsBetweenRules showShiftActions enableMountQueryChange={false} resetOnOperatorChange={false}
          getDefaultOperator={(field) => firstOperator(lookup, field)} getDefaultValue={(rule) => firstValue(lookup, rule)}
          onAddRule={(rule, _path, _query, context) => focus.on(of(rule, lookup, context?.field))}
          onAddGroup={(added) => ({ ...added, combinator: "any", rules: [focus.on(of(added.rules[0] as RuleType | undefined, lookup))] })}
          onMoveRule={(item) => { focus.stay(item.id); return true; }} onMoveGroup={(item) => { focus.stay(item.id); return true; }}
          onRemove={(_item, path, before) => { focus.beside(before as Group, path); return true; }}
        />
      </QueryBuilderDnD>
      <RulesAsText tree={written.tree} onUse={(tree) => setQuery(read(tree, lookup))} />
      {createPortal(<Live answer={answer} />, aside)}
    </Shared>
  );
}

/* Problems come with places in the JSON; rows are known by their ids. */
function useProblems(written: Written, early: Problem[]): [Map<string, string>, (problems: Problem[]) => void] {
  const [problems, setProblems] = useState(() => byId(early, written));
  const current = useRef(written);
  current.current = written;
  const report = useCallback((found: Problem[]) => setProblems(byId(found, current.current)), []);
  return [problems, report];
}

const byId = (problems: Problem[], { places }: Written) => new Map(problems.map(({ path, message }) => [places.get(path) ?? "", message]));

function firstOperator(lookup: Lookup, field: string): string {
  return field === EVENT ? lookup.catalogue.behaviour.verbs[0]!.key : (lookup.field(field)?.operators[0]?.key ?? "");
}

function firstValue(lookup: Lookup, { field, operator }: RuleType): unknown {
  return field === EVENT ? blankHappening() : blank(lookup.operator(field, operator)?.input ?? "none");
}

/* A new rule about a field; without one, about the first. */
function of(rule: RuleType | undefined, lookup: Lookup, field = lookup.first.key): RuleType & { id: string } {
  const operator = firstOperator(lookup, field);
  const fresh = { field, operator, value: undefined };
  return { ...rule, ...fresh, id: rule?.id ?? crypto.randomUUID(), value: firstValue(lookup, fresh) };
}
