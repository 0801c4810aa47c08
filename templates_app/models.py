"""What it says: templates, their immutable versions, and the links inside them."""

from django.conf import settings
from django.db import models

from contacts.channels import channel_choices
from core.models import Entity


class Template(Entity):
    """A message that can be sent many times. What is sent is always one of its published versions."""

    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=500, blank=True)
    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    category = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=16, default="en")
    current_version = models.ForeignKey(
        "TemplateVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        if self.archived_at is not None:
            return "archived"
        return "published" if self.current_version_id else "draft"

    @staticmethod
    def status_is(status: str) -> models.Q:
        """The condition that finds templates of a status."""
        if status == "archived":
            return models.Q(archived_at__isnull=False)
        return models.Q(archived_at=None, current_version__isnull=status == "draft")


class TemplateVersion(Entity):
    """One version. A draft may change; once published it never does (a trigger refuses) and is what sending uses.

    `compiled_*` are made once, at publish (publishing.py): MJML to HTML, CSS inlined, links numbered, text written.
    """

    class Format(models.TextChoices):
        HTML = "html", "HTML"
        MJML = "mjml", "MJML"

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=400, blank=True)
    preheader = models.CharField(max_length=400, blank=True, help_text="The grey line after the subject in the inbox.")
    format = models.CharField(max_length=5, choices=Format, default=Format.HTML)
    source = models.TextField(blank=True, help_text="HTML or MJML, with Liquid placeholders.")
    text_source = models.TextField(blank=True, help_text="Plain text; written from the HTML when left empty.")
    compiled_html = models.TextField(blank=True, editable=False)
    compiled_text = models.TextField(blank=True, editable=False)
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    findings = models.JSONField(default=list, editable=False, help_text="What linting said when it was published.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint("template", "number", name="templates_version_number"),
            models.UniqueConstraint(
                "template", condition=models.Q(published_at=None), name="templates_version_one_draft"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


class Link(models.Model):
    """A link of a published version. A click token names its row, so nobody can make us redirect elsewhere.

    `url` may hold Liquid; such links are rendered per person and the rendered address is part of the signed token.
    """

    version = models.ForeignKey(TemplateVersion, on_delete=models.CASCADE, related_name="links")
    position = models.PositiveSmallIntegerField(help_text="0-based order in the HTML.")
    url = models.TextField()
    text = models.CharField(max_length=200, blank=True, help_text="What the link says.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint("version", "position", name="templates_link_position")]

    def __str__(self) -> str:
        return self.url

    @property
    def is_dynamic(self) -> bool:
        return "{{" in self.url or "{%" in self.url
