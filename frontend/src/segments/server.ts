/* The three questions that the builder asks: how many people fit, what could be typed next, what pasted text means. */

import { createContext, useContext } from "react";
import type { Lookup } from "./catalogue";
import type { Json } from "./tree";

export interface Problem { path: string; message: string }
export interface Person { name: string; email: string; url: string }
export interface Line { text: string; children: Line[] }
export interface Preview {
  size: number;
  between: [number, number] | null; // filled where it was not counted
  base: number;
  percent: number;
  warning: string;
  sample: Person[];
  words: Line;
}

export class Rejected extends Error {
  constructor(message: string, readonly code: string, readonly problems: Problem[]) {
    super(message);
  }
}

export class Server {
  constructor(private readonly urls: { preview: string; suggest: string; read: string }, private readonly token: string) {}

  preview(tree: Json, signal: AbortSignal, isQuick: boolean): Promise<Preview> {
    return this.post(this.urls.preview + (isQuick ? "?quick=1" : ""), JSON.stringify(tree), signal);
  }

  read(text: string): Promise<{ rules: Json }> {
    return this.post(this.urls.read, text);
  }

  /* No suggestions are no reason to stop anybody from typing. */
  async suggest(question: Record<string, string>, signal: AbortSignal): Promise<string[]> {
    const answer = await fetch(`${this.urls.suggest}?${new URLSearchParams(question)}`, { signal, headers: { Accept: "application/json" } });
    const found: { values: string[] } = answer.ok ? await answer.json() : { values: [] };
    return found.values;
  }

  private async post<Answer>(url: string, body: string, signal?: AbortSignal): Promise<Answer> {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.token };
    const answer = await fetch(url, { method: "POST", body, headers, signal });
    const found = await answer.json();
    if (!answer.ok) throw new Rejected(found.message, found.code ?? "", found.problems ?? []);
    return found;
  }
}

interface Shared { lookup: Lookup; server: Server; problems: Map<string, string> }

export const Shared = createContext<Shared>(undefined as unknown as Shared);
export const useShared = () => useContext(Shared);
