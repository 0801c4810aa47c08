"""People, what may be sent to them, who they are to each other, and the files they came from."""

from contacts.models.changes import Change
from contacts.models.consent import (
    Confirmation,
    ConsentRecord,
    ConsentState,
    SoftBounces,
    Suppression,
    SuppressionRelease,
    SuppressionSalt,
    Topic,
)
from contacts.models.erasure import Erasure
from contacts.models.identity import BulkMerge, Company, Employment, Identity, Merge, NotDuplicate
from contacts.models.imports import Imported, ImportJob, import_path
from contacts.models.people import AttributeDefinition, Contact, ContactQuerySet
from contacts.models.preferences import Preference, PreferenceChange

__all__ = [
    "AttributeDefinition",
    "BulkMerge",
    "Change",
    "Company",
    "Confirmation",
    "ConsentRecord",
    "ConsentState",
    "Contact",
    "ContactQuerySet",
    "Employment",
    "Erasure",
    "Identity",
    "ImportJob",
    "Imported",
    "Merge",
    "NotDuplicate",
    "Preference",
    "PreferenceChange",
    "SoftBounces",
    "Suppression",
    "SuppressionRelease",
    "SuppressionSalt",
    "Topic",
    "import_path",
]
