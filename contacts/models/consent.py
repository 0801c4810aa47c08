"""What may be sent to whom: topics, the consent ledger and its state, and addresses that must not be written to."""

from django.conf import settings
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
    """An address that must not be written to, whoever owns it: it outlives the contact."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        MANUAL = "manual", "Added by hand"
        IMPORTED = "imported", "Imported list"
        SOFT_BOUNCES = "soft_bounces", "Bounced softly again and again"

    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    # Collation C as a contact's email has: otherwise the index would not answer for a contact's address.
    address = models.CharField(max_length=254, db_collation="C", null=True, blank=True)
    address_hash = models.BinaryField(
        max_length=32,
        null=True,
        editable=False,
        help_text="Salted SHA-256, in place of an erased person's address.",
    )
    reason = models.CharField(max_length=20, choices=Reason, default=Reason.MANUAL)
    detail = models.CharField(max_length=500, blank=True, db_default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint("address", "channel", name="contacts_suppression_once"),
            models.UniqueConstraint("address_hash", "channel", name="contacts_suppression_hash_once"),
            models.CheckConstraint(
                condition=models.Q(address__isnull=False) ^ models.Q(address_hash__isnull=False),
                name="contacts_suppression_one_of",
            ),
            models.CheckConstraint(condition=models.Q(address=Lower("address")), name="contacts_suppression_lower"),
        ]

    def __str__(self) -> str:
        return self.address or "(erased address)"


class SuppressionSalt(models.Model):
    """The one salt of all hashed addresses; in the database, so that rotating the server's keys loses none."""

    salt = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return "salt"


class SoftBounces(models.Model):
    """How many soft bounces an address had in a row; a delivery ends the row of them."""

    pk = models.CompositePrimaryKey("address", "channel")
    address = models.CharField(max_length=254, db_collation="C")
    channel = models.CharField(max_length=20, choices=channel_choices)
    count = models.PositiveSmallIntegerField(db_default=1)
    last_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.address}: {self.count}"
