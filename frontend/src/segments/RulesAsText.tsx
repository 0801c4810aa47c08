/* The rules as JSON, to copy them, to change them there, or to paste others over them. */

import { useState } from "react";
import { Rejected, useShared } from "./server";
import type { Json } from "./tree";

const FAILED = "These rules can’t be read right now. Check the connection and try again.";

export function RulesAsText({ tree, onUse }: { tree: Json; onUse: (tree: Json) => void }) {
  const { server } = useShared();
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const use = async (text: string) => {
    try {
      onUse((await server.read(text)).rules);
      setTyped(null);
      setProblem("");
    } catch (error) {
      setProblem(error instanceof Rejected ? error.message : FAILED);
    }
  };
  return (
    <details className="sg-details sg-text">
      <summary>Rules as text</summary>
      <div className="c-form-row sg-plain">
        <label htmlFor="sg-text">Copy these rules, change them here, or paste others. MongoDB’s form of a query is understood as well.</label>
        <textarea id="sg-text" className="c-mono" rows={10} spellCheck={false} value={typed ?? JSON.stringify(tree, null, 2)} onChange={(event) => setTyped(event.target.value)} />
        {problem && <p className="sg-error" role="alert">{problem}</p>}
      </div>
      <button type="button" className="c-btn" disabled={typed === null} onClick={() => void use(typed ?? "")}>Use this text</button>
    </details>
  );
}
