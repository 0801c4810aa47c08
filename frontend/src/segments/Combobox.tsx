/* A text box with a list under it: for fields (one of the list) and for values (anything; the list suggests).
   Keys and roles are those of the ARIA combobox pattern: focus stays in the box, the list is pointed at. */

import { type ChangeEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";

export interface Option { value: string; label: string; group?: string }

interface Props {
  label: string;
  text: string; // what the box shows while nobody types in it
  options: Option[];
  chosen?: string;
  onPick: (value: string) => void;
  onType?: (typed: string) => void; // given: any text will do, and is told as it is typed
  onEnter?: (typed: string) => void; // given: Enter without a pointed option takes the text
  onLook?: (typed: string) => void; // the list is about to be needed for what was typed
  placeholder?: string;
  className?: string;
  none?: string;
}

const NO_MATCH = "Nothing has this name.";

export function Combobox(props: Props) {
  const { label, text, options, chosen, onPick, onType, onEnter, onLook, placeholder, className = "" } = props;
  const id = useId();
  const isFree = onType !== undefined;
  const [typed, setTyped] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const list = useRef<HTMLDivElement>(null);

  const shown = useMemo(() => (isFree ? options : matching(options, typed ?? "")), [isFree, options, typed]);
  useEffect(() => { list.current?.querySelector("[data-active]")?.scrollIntoView({ block: "nearest" }); }, [active, isOpen]);

  const open = (search: string | null) => {
    if (!isOpen) setActive(isFree ? -1 : options.findIndex((option) => option.value === chosen));
    setOpen(true);
    onLook?.(search ?? text);
  };
  const close = () => { setOpen(false); setTyped(null); setActive(-1); };
  const pick = (option: Option) => { close(); onPick(option.value); };
  const change = (event: ChangeEvent<HTMLInputElement>) => {
    const { value } = event.target;
    onType?.(value);
    open(value);
    setTyped(value);
    setActive(isFree || value === "" ? -1 : 0);
  };
  const move = (step: number) => {
    if (!isOpen) return open(null);
    const ends = shown.length || 1;
    setActive(active < 0 && step < 0 ? ends - 1 : (active + step + ends) % ends);
  };
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    const pointed = isOpen ? shown[active] : undefined;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" && pointed) pick(pointed);
    else if (event.key === "Enter") { if (onEnter) { onEnter(typed ?? text); setTyped(null); } else if (!isOpen) return; else if (isFree) close(); }
    else if (event.key === "Escape" && isOpen) close();
    else return;
    event.preventDefault(); // Enter must not send the form, Escape must not leave a dialog
  };

  return (
    <span className={`sg-combo ${className}`}>
      <input
        type="text" role="combobox" aria-label={label} aria-autocomplete="list" aria-expanded={isOpen} aria-controls={`${id}list`}
        aria-activedescendant={isOpen && active >= 0 ? `${id}${active}` : undefined} autoComplete="off" spellCheck={false}
        value={typed ?? text} placeholder={placeholder} onChange={change} onKeyDown={press} onClick={() => open(typed)} onBlur={close}
        onFocus={(event) => { if (!isFree) event.target.select(); else onLook?.(text); }}
      />
      <div ref={list} id={`${id}list`} role="listbox" aria-label={isFree ? "Suggestions" : "Choices"} className="sg-options" hidden={!isOpen || (isFree && !shown.length)}>
        {isOpen && grouped(shown).map(([name, members]) => (
          <div key={name} role="group" aria-label={name || undefined}>
            {name && <div className="sg-options__group" aria-hidden="true">{name}</div>}
            {members.map(({ option, index }): ReactNode => (
              <div
                key={option.value} id={`${id}${index}`} role="option" aria-selected={option.value === chosen} data-active={index === active || undefined}
                className="sg-options__one" onMouseDown={(event) => event.preventDefault()} onClick={() => pick(option)}
              >{option.label}</div>
            ))}
          </div>
        ))}
        {isOpen && !shown.length && <div className="sg-options__none" role="status">{props.none ?? NO_MATCH}</div>}
      </div>
    </span>
  );
}

/* Every word that was typed must be somewhere in the name, the group or the key; names that begin with it come first. */
function matching(options: Option[], typed: string): Option[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return options;
  const found = options.filter((option) => words.every((word) => `${option.label} ${option.group ?? ""} ${option.value}`.toLowerCase().includes(word)));
  const begins = (option: Option) => option.label.toLowerCase().startsWith(words[0]!);
  return [...found.filter(begins), ...found.filter((option) => !begins(option))];
}

function grouped(options: Option[]): [string, { option: Option; index: number }[]][] {
  const groups = new Map<string, Option[]>();
  for (const option of options) groups.set(option.group ?? "", [...(groups.get(option.group ?? "") ?? []), option]);
  const position = new Map(options.map((option, index) => [option, index]));
  return [...groups].map(([name, members]) => [name, members.map((option) => ({ option, index: position.get(option)! }))]);
}
