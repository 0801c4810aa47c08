/* Dragging rows and groups: what is under the pointer is where it goes, and a label follows the pointer. For those who
   don't drag, every row has buttons that move it; the handle is not in the way of the keyboard. */

import * as DndKit from "@dnd-kit/core";
import { createDndKitAdapter } from "@react-querybuilder/dnd/dnd-kit";
import { type ComponentProps, type Ref, useState } from "react";

const NO_ANNOUNCEMENTS = { onDragStart: quiet, onDragOver: quiet, onDragEnd: quiet, onDragCancel: quiet };

function quiet() {
  return undefined;
}

type ContextProps = ComponentProps<typeof DndKit.DndContext>;

function Context({ children, ...props }: ContextProps) {
  const [label, setLabel] = useState("");
  const start: ContextProps["onDragStart"] = (event) => { setLabel(labelOf(event.activatorEvent)); props.onDragStart?.(event); };
  return (
    <DndKit.DndContext {...props} onDragStart={start} collisionDetection={DndKit.pointerWithin} accessibility={{ announcements: NO_ANNOUNCEMENTS }}>
      {children}
      <DndKit.DragOverlay dropAnimation={null}>{label && <div className="sg-dragged">{label}</div>}</DndKit.DragOverlay>
    </DndKit.DndContext>
  );
}

function labelOf(event: Event): string {
  const handle = event.target instanceof Element ? event.target.closest("[data-handle]") : null;
  return handle?.getAttribute("data-handle") ?? "";
}

/* No keyboard sensor: moving by 25 pixels a key press is no way to move a rule. */
export const adapter = createDndKitAdapter({ ...DndKit, DndContext: Context as typeof DndKit.DndContext, useSensors: (pointer) => DndKit.useSensors(pointer) });

interface HandleProps { label: string; innerRef?: Ref<HTMLSpanElement>; attributes?: object }

export function Handle({ label, innerRef, attributes = {} }: HandleProps) {
  const { onPointerDown } = attributes as { onPointerDown?: React.PointerEventHandler };
  return (
    <span ref={innerRef} className="sg-handle" data-handle={label} title="Drag to another place" aria-hidden="true" onPointerDown={onPointerDown}>
      <span className="material-symbols-outlined">drag_indicator</span>
    </span>
  );
}
