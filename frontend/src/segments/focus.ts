/* Where the keyboard goes after a change: into what was added, along with what was moved, beside what was removed. */

import { useEffect, useMemo, useRef } from "react";
import type { Path } from "react-querybuilder";
import { type Group, isGroup } from "./tree";

export function useFocus(query: Group) {
  const wanted = useRef<{ id: string; inside: string } | null>(null);
  useEffect(() => {
    if (!wanted.current) return;
    const { id, inside } = wanted.current;
    wanted.current = null;
    document.querySelector<HTMLElement>(`[data-rule-id="${CSS.escape(id)}"] ${inside}`)?.focus();
  }, [query]);
  return useMemo(() => ({
    on: <Item extends { id: string }>(item: Item): Item => {
      wanted.current = { id: item.id, inside: "input" };
      return item;
    },
    /* The button that was pressed is pressed again, as long as the rule has further to go. */
    stay: (id: string | undefined) => {
      const tool = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.tool : undefined;
      if (id && (tool === "up" || tool === "down")) wanted.current = { id, inside: `[data-tool=${tool}]` };
    },
    beside: (before: Group, path: Path) => {
      const parent = at(before, path.slice(0, -1));
      const index = path.at(-1)!;
      const neighbour = (parent.rules[index + 1] ?? parent.rules[index - 1]) as { id?: string } | undefined;
      wanted.current = neighbour?.id ? { id: neighbour.id, inside: "[data-tool=remove]" } : { id: parent.id, inside: ".sg-add" };
    },
  }), []);
}

function at(root: Group, path: Path): Group {
  return path.reduce<Group>((group, index) => {
    const child = group.rules[index];
    return child && typeof child !== "string" && isGroup(child) ? child : group;
  }, root);
}
