"""Confirmation mails of double opt-ins: from the requests that wait to rows of the ledger, in every language."""
