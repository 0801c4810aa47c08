/* The buttons of a row or a group: up, down, copy, remove. */

import type { MouseEvent } from "react";

interface Props {
  what: "rule" | "group";
  onUp: (event?: MouseEvent) => void;
  onDown: (event?: MouseEvent) => void;
  isFirst?: boolean;
  isLast?: boolean;
  onCopy: (event?: MouseEvent) => void;
  onRemove: (event?: MouseEvent) => void;
}

export function Tools({ what, onUp, onDown, isFirst, isLast, onCopy, onRemove }: Props) {
  return (
    <div className="sg-tools">
      <Tool label={`Move this ${what} up`} icon="arrow_upward" name="up" onClick={onUp} isOff={isFirst} />
      <Tool label={`Move this ${what} down`} icon="arrow_downward" name="down" onClick={onDown} isOff={isLast} />
      <Tool label={`Copy this ${what}`} icon="content_copy" name="copy" onClick={onCopy} />
      <Tool label={`Remove this ${what}`} icon="close" name="remove" onClick={onRemove} />
    </div>
  );
}

interface ToolProps { label: string; icon: string; name: string; onClick: (event: MouseEvent) => void; isOff?: boolean }

/* aria-disabled instead of disabled: a button that is switched off while it has the focus would lose it. */
function Tool({ label, icon, name, onClick, isOff = false }: ToolProps) {
  return (
    <button type="button" className={`sg-tool is-${name}`} data-tool={name} aria-label={label} title={label} aria-disabled={isOff || undefined} onClick={(event) => { if (!isOff) onClick(event); }}>
      <span className="material-symbols-outlined" aria-hidden="true">{icon}</span>
    </button>
  );
}
