"""`python -m bench [--scale 0.1] [name …]`: run the benchmarks, print the table, write `bench.json` into var/.

Each benchmark has a process of its own, so that its peak memory is its own. Scale 1 means a million rows. Ends with
status 1 if a benchmark broke; a goal that was missed is shown, not punished: machines differ.
"""

import argparse
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parent.parent
NAMES = ["importing", "segmenting", "matching", "rendering", "sending", "eventlog", "pages", "tracking"]
HEADS = ["benchmark", "ours", "limit", "unit", "ratio", "peak MB", "goal"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a million rows")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="name", help=f"any of {', '.join(NAMES)}; all if none is given")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if options.into:
        return run_here(options.names[0], options.scale, options.into)
    return run_all(options.names or NAMES, options.scale)


def run_here(name: str, scale: float, into: Path) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    results = importlib.import_module(f"bench.{name}").run(scale)
    into.write_text(json.dumps([dataclasses.asdict(result) for result in results]))
    return 0


def run_all(names: list[str], scale: float) -> int:
    results: list[dict[str, Any]] = []
    broken = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"… {name} at {scale * 1_000_000:,.0f} rows", flush=True)
            into = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", "bench", name, "--scale", str(scale), "--into", str(into)]
            if subprocess.run(command, cwd=ROOT).returncode or not into.exists():
                broken.append(name)
            else:
                results += json.loads(into.read_text())
    file = Path(os.environ.get("CARILLON_VAR", ROOT / "var")) / "bench.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\n{table(results)}\n\nWritten to {file}.")
    if broken:
        print(f"Broken: {', '.join(broken)}; what they said stands above.")
    return 1 if broken else 0


def table(results: list[dict[str, Any]]) -> str:
    rows = [HEADS] + [
        [
            result["name"],
            f"{result['ours']:,.2f}",
            f"{result['limit']:,.2f}",
            result["unit"],
            f"{result['ratio']:.2f}",
            f"{result['peak_mb']:,.0f}",
            result["goal"],
        ]
        for result in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
