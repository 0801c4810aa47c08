/* What the rules find right now: asked a moment after each change, older questions dropped. Where counting takes longer,
   an estimate comes first and the count when it is done. */

import { useEffect, useState } from "react";
import { Rejected, type Line, type Person, type Preview, type Problem, type Server } from "./server";
import type { Written } from "./tree";

const WAIT_MS = 300;
const AGAIN_MS = 500;
const TRIES = 3;
const OFFLINE = "The size could not be counted. Check the connection; saving still works.";
const number = new Intl.NumberFormat("en");

export interface Answer { found: Preview | null; message: string; isBusy: boolean }

/* The newest answer for what is written; `onProblems` hears what is wrong with which place. */
export function useLive(server: Server, written: Written, onProblems: (problems: Problem[]) => void): Answer {
  const [answer, setAnswer] = useState<Answer>({ found: null, message: "", isBusy: true });
  const body = JSON.stringify(written.tree);
  const { missing } = written;
  useEffect(() => {
    if (missing) {
      setAnswer({ found: null, message: missingWords(missing), isBusy: false });
      return;
    }
    const abort = new AbortController();
    setAnswer((before) => ({ ...before, isBusy: true }));
    const asked = (isQuick: boolean) => ask(server, JSON.parse(body), abort.signal, onProblems, isQuick);
    const timer = setTimeout(async () => {
      const told = await asked(true);
      if (abort.signal.aborted) return;
      setAnswer({ ...told, isBusy: Boolean(told.found?.between) });
      if (!told.found?.between) return;
      const counted = await asked(false);
      if (!abort.signal.aborted) setAnswer(counted.found ? counted : { ...told, isBusy: false });
    }, WAIT_MS);
    return () => { clearTimeout(timer); abort.abort(); };
  }, [server, body, missing, onProblems]);
  return answer;
}

async function ask(server: Server, tree: unknown, signal: AbortSignal, onProblems: (problems: Problem[]) => void, isQuick: boolean, tried = 1): Promise<Answer> {
  try {
    const found = await server.preview(tree, signal, isQuick);
    onProblems([]);
    return { found, message: "", isBusy: false };
  } catch (error) {
    if (signal.aborted || !(error instanceof Rejected)) return { found: null, message: OFFLINE, isBusy: false };
    if (error.code === "replaced" && tried < TRIES) { // another window of the same person asked something
      await new Promise((done) => setTimeout(done, AGAIN_MS * tried));
      return ask(server, tree, signal, onProblems, isQuick, tried + 1);
    }
    onProblems(error.problems);
    return { found: null, message: error.problems.length ? "One of the rules can’t be used yet." : error.message, isBusy: false };
  }
}

function missingWords(missing: number): string {
  return missing === 1 ? "One rule still needs a value." : `${missing} rules still need a value.`;
}

export function Live({ answer: { found, message, isBusy } }: { answer: Answer }) {
  const warning = message || found?.warning;
  return (
    <>
      <h2 className="c-card__title">Right now {isBusy && <span className="sg-busy">counting…</span>}</h2>
      <div className="c-card__body" aria-busy={isBusy}>
        <div role="status">
          <p className="sg-size__number">{found?.between && <span>about </span>}<strong>{found ? number.format(found.size) : isBusy ? "…" : "–"}</strong> {found && <span>of {number.format(found.base)} people, {share(found)}</span>}</p>
          {found?.between && <p className="c-muted">{estimated(found.between, isBusy)}</p>}
          {warning && <p className="c-callout c-callout--warn">{warning}</p>}
        </div>
        <div className="c-progress" aria-hidden="true"><span style={{ width: `${found?.percent ?? 0}%` }} /></div>
        {found && found.sample.length > 0 && <Sample people={found.sample} />}
        {found && <details className="sg-details"><summary>In words</summary><ul className="sg-words"><Words line={found.words} /></ul></details>}
      </div>
    </>
  );
}

function estimated([low, high]: [number, number], isBusy: boolean): string {
  const range = `From a sample of people: between ${number.format(low)} and ${number.format(high)}.`;
  return `${range} ${isBusy ? "Everyone is being counted." : "Everyone is counted when it is saved."}`;
}

function share({ percent, size, base }: Preview): string {
  if (size > 0 && percent < 1) return "less than 1%";
  return size < base && percent > 99 ? "more than 99%" : `${Math.round(percent)}%`;
}

function Sample({ people }: { people: Person[] }) {
  return (
    <>
      <h3>For example</h3>
      <ul className="sg-sample">
        {people.map((person) => <li key={person.url}><a href={person.url}>{person.name}</a> <span className="c-muted">{person.email === person.name ? "" : person.email}</span></li>)}
      </ul>
    </>
  );
}

function Words({ line }: { line: Line }) {
  return <li>{line.text}{line.children.length > 0 && <ul>{line.children.map((child, index) => <Words key={index} line={child} />)}</ul>}</li>;
}
