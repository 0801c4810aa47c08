"""The logins of a console on one machine: one per role, passwords made here and kept in `var/logins.txt`."""

import os
import secrets
from pathlib import Path
from typing import NamedTuple


class Person(NamedTuple):
    username: str
    first_name: str
    last_name: str
    role: str
    does: str


PEOPLE = [
    Person("marketer", "Mara", "Marker", "Marketer", "plans campaigns"),
    Person("approver", "Abel", "Prover", "Approver", "approves them"),
    Person("admin", "Ada", "Minster", "Administrator", "runs the team and its sender accounts"),
]
WORDS = "amber bell brass cedar chime copper dawn ember fern grove harbor linen maple meadow oak pearl river".split()


def passwords(var: Path) -> dict[str, str]:
    """A password for each of PEOPLE, made at the first call; on disk before anyone uses it, for the owner alone."""
    file = var / "logins.txt"
    known = _read(file)
    if missing := [person.username for person in PEOPLE if person.username not in known]:
        known |= {username: _password() for username in missing}
        scratch = file.with_suffix(".new")
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.writelines(f"{username} {password}\n" for username, password in known.items())
        scratch.rename(file)
    return known


def banner(address: str, var: Path) -> str:
    """What is printed when the console is up."""
    lines = [" ", f"Carillon is up: {address}", " "]
    if known := _read(var / "logins.txt"):
        lines += [
            f"  {person.username:<9} {known.get(person.username, '?'):<24} {person.role}: {person.does}"
            for person in PEOPLE
        ]
        lines += [" ", f"  The passwords were made for this machine and stand in {var / 'logins.txt'}."]
    return "\n".join([*lines, "  Stop with ctrl-C.", " "])


def _read(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return {username: password for username, _, password in (line.partition(" ") for line in lines) if password}


def _password() -> str:
    """About 48 bits, and easy to copy by eye from a terminal."""
    return f"{secrets.choice(WORDS)}-{secrets.choice(WORDS)}-{secrets.token_hex(5)}"
