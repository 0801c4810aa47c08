"""What may be sent to whom: topics, the consent ledger and its state, and addresses that must not be written to."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from contacts.channels import channel_choices
from contacts.models.people import Contact
from core.models import Entity


class Topic(Entity):
    """Something people can subscribe to: a newsletter, product news. Consent names it by its key.

    Topic "" in the consent ledger stands for a channel as a whole. A withdrawal for the channel as a whole outweighs
    every topic.
    """

    class OptIn(models.TextChoices):
        CHANNEL = "channel", "Comes with consent to the channel"
        SINGLE = "single", "Needs consent of its own"
        DOUBLE = "double", "Needs consent of its own, confirmed by a link (double opt-in)"

    key = models.SlugField(max_length=60, unique=True, help_text="Name in files, forms and the API.")
    name = models.CharField(max_length=120, help_text="As people read it, e.g. “Product news”.")
    description = models.CharField(max_length=300, blank=True, help_text="What they will get, and how often.")
    opt_in = models.CharField(max_length=10, choices=OptIn, default=OptIn.SINGLE)
    wording = models.TextField(blank=True, help_text="The sentence people agree to; it is kept with their consent.")
    is_public = models.BooleanField(default=True, help_text="Shown in the preference centre.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class ConsentRecord(models.Model):
    """The consent ledger: append-only, guarded by a trigger. The current state is ConsentState, derived from it."""

    class Action(models.TextChoices):
        REQUEST = "request", "Asked to confirm"
        GRANT = "grant", "Granted"
        WITHDRAW = "withdraw", "Withdrawn"
        CLEAR = "clear", "Neither any more"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_records")
    channel = models.CharField(max_length=20, choices=channel_choices)
    topic = models.SlugField(max_length=60, blank=True, db_default="", help_text="Empty: the channel as a whole.")
    action = models.CharField(max_length=10, choices=Action)
    source = models.CharField(max_length=200, help_text="Where it happened: a form, a file, a link in a message.")
    wording = models.TextField(blank=True, db_default="", help_text="The text the person agreed to.")
    legal_basis = models.CharField(max_length=60, blank=True, db_default="")
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    occurred_at = models.DateTimeField(db_default=Now())
    recorded_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [models.Index("contact", "channel", "occurred_at", name="contacts_consent_of_contact")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} for {self.channel}"


class ConsentState(models.Model):
    """The newest consent per contact, channel and topic; written with the ledger, in its transaction, by consent.py.

    `is_granted` is None where the newest record is neither a yes nor a no, as if nobody had asked.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_states")
    channel = models.CharField(max_length=20, choices=channel_choices)
    topic = models.SlugField(max_length=60, blank=True, db_default="")
    is_granted = models.BooleanField(null=True)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "contact", "channel", "topic", include=["is_granted"], name="contacts_consentstate_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {_WORDS[self.is_granted]}"


_WORDS = {True: "granted", False: "withdrawn", None: "undecided"}


class Confirmation(models.Model):
    """A double opt-in under way: what was asked for, and whether the link in the mail was followed.

    The row is the queue: delivery takes those whose mail is not in its ledger yet and notes the ledger's row here.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="confirmations")
    channel = models.CharField(max_length=20, choices=channel_choices)
    topic = models.SlugField(max_length=60, blank=True, db_default="")
    request = models.OneToOneField(ConsentRecord, on_delete=models.CASCADE, related_name="confirmation")
    due_at = models.DateTimeField(db_default=Now(), help_text="When to send the mail, or to try again.")
    attempt = models.SmallIntegerField(db_default=0, help_text="Mails asked for; whoever asks often gets few.")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When its mail was given to the send ledger.")
    message_id = models.BigIntegerField(null=True, blank=True, help_text="The send ledger's row of its mail.")
    failure = models.TextField(blank=True, db_default="")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                "due_at", condition=models.Q(sent_at__isnull=True, confirmed_at__isnull=True),
                name="contacts_confirmation_due",
            )
        ]  # fmt: skip
        constraints = [
            models.UniqueConstraint(
                "contact", "channel", "topic", condition=models.Q(confirmed_at__isnull=True),
                name="contacts_confirmation_one_open",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.channel} {self.topic}".strip()


class Suppression(models.Model):
    """An address that must not be written to, whoever owns it: it outlives the contact.

    Every entry has the hash, by which one index finds it. It has the address beside it as long as that is known from
    elsewhere: an erasure takes it out, and a contact who comes with that address puts it back (triggers, migration
    0017). So questions about contacts are answered by the address alone, without hashing a million of them.
    """

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        MANUAL = "manual", "Added by hand"
        IMPORTED = "imported", "Imported list"
        SOFT_BOUNCES = "soft_bounces", "Bounced softly again and again"
        OBJECTION = "objection", "Asked for it themselves"

    # They say something about a mailbox; every other reason may be what the person wished.
    BOUNCES = (Reason.HARD_BOUNCE, Reason.SOFT_BOUNCES)

    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    # Collation C as a contact's email has: otherwise the index would not answer for a contact's address.
    address = models.CharField(max_length=254, db_collation="C", null=True, blank=True)
    address_hash = models.BinaryField(
        max_length=32, editable=False, help_text="Salted SHA-256 of the address; the database fills it in."
    )
    reason = models.CharField(max_length=20, choices=Reason, default=Reason.MANUAL)
    detail = models.CharField(max_length=500, blank=True, db_default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view", "add")
        permissions = [
            ("release_suppression", "Can release addresses that bounced"),
            ("release_objection", "Can release addresses whose owner may have wished it"),
        ]
        constraints = [
            models.UniqueConstraint("address", "channel", name="contacts_suppression_once"),
            models.UniqueConstraint("address_hash", "channel", name="contacts_suppression_hash_once"),
            models.CheckConstraint(condition=models.Q(address=Lower("address")), name="contacts_suppression_lower"),
        ]
        indexes = [
            models.Index("id", condition=models.Q(address__isnull=True), name="contacts_suppression_hashed"),
            models.Index("reason", "id", name="contacts_suppression_reason"),
        ]

    def __str__(self) -> str:
        return self.address or "Erased address"

    @property
    def is_wish(self) -> bool:
        """Whether the person themself may have wanted it, so that releasing it needs a right of its own."""
        return self.reason not in self.BOUNCES


class SuppressionSalt(models.Model):
    """The one salt of all hashes; in the database, so that rotating the server's keys loses none."""

    salt = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="contacts_suppressionsalt_one")]

    def __str__(self) -> str:
        return "salt"


class SuppressionRelease(models.Model):
    """An address that may be written to again: what it was suppressed for, and who released it and why.

    Append-only, guarded by a trigger; an erasure takes out the address and what was said about it.
    """

    channel = models.CharField(max_length=20, choices=channel_choices)
    address = models.CharField(max_length=254, db_collation="C", null=True)
    address_hash = models.BinaryField(max_length=32)
    reason = models.CharField(max_length=20, choices=Suppression.Reason)
    detail = models.CharField(max_length=500, blank=True, db_default="")
    suppressed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    suppressed_at = models.DateTimeField()
    why = models.CharField(max_length=500)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    released_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [models.Index("address_hash", name="contacts_release_of_address")]

    def __str__(self) -> str:
        return self.address or "Erased address"


class SoftBounces(models.Model):
    """The messages that bounced softly at an address since the last one that arrived. Only such addresses have a row.

    What came after what goes by when messages were sent, because word of them comes late, twice and in any order.
    """

    pk = models.CompositePrimaryKey("address", "channel")
    address = models.CharField(max_length=254, db_collation="C")
    channel = models.CharField(max_length=20, choices=channel_choices)
    count = models.PositiveSmallIntegerField(db_default=0)
    message_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[], help_text="Newest first.")
    sent_at = ArrayField(models.DateTimeField(), default=list, db_default=[], help_text="When each of them was sent.")
    arrived_at = models.DateTimeField(null=True, help_text="When the newest message that arrived was sent.")

    def __str__(self) -> str:
        return f"{self.address}: {self.count}"
