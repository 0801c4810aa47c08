"""That somebody was erased, and what is still to be looked for where only a worker can look."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contacts.models.people import Contact
from core.fields import EncryptedJSONField


class Erasure(models.Model):
    """One person was erased: when, and who asked for it (empty: they themselves). Proof of it, naming nobody.

    The row is the queue: until `finished_at`, `known` holds, encrypted, what they were called, so that files, rows on
    their way in and late answers of servers can be found that name them (contacts/forgetting.py). Then it is emptied.
    """

    contact = models.OneToOneField(Contact, on_delete=models.CASCADE, related_name="erasure")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    known = EncryptedJSONField(default=dict, editable=False)
    due_at = models.DateTimeField(db_default=Now(), help_text="When to look for what is left of them.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index("due_at", condition=models.Q(finished_at__isnull=True), name="contacts_erasure_due"),
        ]

    def __str__(self) -> str:
        return f"Contact {self.contact_id}, {self.at:%Y-%m-%d}"
