"""Companies as `group` calls describe them, and who belongs to which."""

import json
from collections.abc import Iterable
from typing import Any

from contacts.companies import KEY_LENGTH, MOST_ATTRIBUTES, NAME_LENGTH, TEXT_LENGTH
from core import arrays, prepared

# One with the same traits as before is not written again.
_KEEP = """
INSERT INTO contacts_company AS company (external_id, name, attributes)
SELECT external_id, name, attributes
FROM jsonb_to_recordset(%s::jsonb) AS said(external_id text, name text, attributes jsonb)
ORDER BY external_id COLLATE "C"
ON CONFLICT (external_id) DO UPDATE
SET name = coalesce(nullif(EXCLUDED.name, ''), company.name),
    attributes = jsonb_strip_nulls(company.attributes || EXCLUDED.attributes), updated_at = now()
WHERE (EXCLUDED.name <> '' AND company.name <> EXCLUDED.name)
   OR jsonb_strip_nulls(company.attributes || EXCLUDED.attributes) <> company.attributes"""
_EMPLOY = """
INSERT INTO contacts_employment (contact_id, company_id)
SELECT DISTINCT member.contact_id, company.id
FROM unnest(%s::bigint[], %s::text[]) AS member(contact_id, external_id)
JOIN contacts_company AS company ON company.external_id = member.external_id COLLATE "C"
ORDER BY 1, 2 ON CONFLICT DO NOTHING"""


def keep(groups: Iterable[tuple[str, dict[str, Any], int | None]]) -> None:
    """Keep the companies of (group id, traits, contact or None), later traits over earlier, and their people."""
    traits: dict[str, dict[str, Any]] = {}
    members = []
    for group, said, contact in groups:
        traits.setdefault(group, {}).update(said)
        if contact is not None:
            members.append((contact, group))
    rows = [_row(group, said) for group, said in traits.items()]
    with prepared.cursor() as cursor:
        cursor.execute(_KEEP, [json.dumps(rows)])
        if members:
            contacts, companies = zip(*members, strict=True)
            cursor.execute(_EMPLOY, [arrays.of_numbers(contacts), arrays.of_texts(companies)])


def _row(group: str, traits: dict[str, Any]) -> dict[str, Any]:
    name = traits.get("name")
    plain = {
        key[:KEY_LENGTH]: value[:TEXT_LENGTH] if isinstance(value, str) else value
        for key, value in list(traits.items())[:MOST_ATTRIBUTES]
        if key != "name" and not isinstance(value, list | dict)
    }
    return {"external_id": group, "name": name[:NAME_LENGTH] if isinstance(name, str) else "", "attributes": plain}
