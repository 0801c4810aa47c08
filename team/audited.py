"""What the audit trail keeps: the actions, and what people read for them."""

ACTIONS = {
    "export.contacts": "Contacts exported",
    "export.members": "A segment's members exported",
    "export.person": "All data of a person exported",
    "export.consent": "Proof of a person's consent exported",
    "export.suppressions": "The suppression list exported",
    "export.import_errors": "Rows with errors of an import downloaded",
}


def audit_choices() -> list[tuple[str, str]]:
    return list(ACTIONS.items())
