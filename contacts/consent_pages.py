"""The console's pages about one person's consent: where it stands, could we write to them then, and the proof."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from contacts import consent, export_pages, proof_file
from contacts.channels import channels
from contacts.forms import ConsentForm, CouldWriteForm
from contacts.models import Confirmation, ConsentRecord, ConsentState, Contact, Topic
from contacts.permission import permits
from core.errors import Refused
from team import audit
from team.models import User

PAGE = 50
DONE = {
    ConsentRecord.Action.GRANT: "Recorded in the consent ledger.",
    ConsentRecord.Action.WITHDRAW: "The withdrawal is in the consent ledger.",
    ConsentRecord.Action.CLEAR: "The ledger now says neither yes nor no.",
    ConsentRecord.Action.REQUEST: "They get a mail with a link. Nothing else is sent until they confirm.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand for a channel as a whole (no topic) or one topic: what was said, and whether one may write."""

    channel: str
    topic: Topic | None
    state: ConsentState | None
    waiting: Confirmation | None
    may_write: bool


def standings(contact: Contact) -> list[Standing]:
    """The channel as a whole first, then each topic, channel by channel."""
    states = {(one.channel, one.topic): one for one in contact.consent_states.all()}
    waiting = {(one.channel, one.topic): one for one in contact.confirmations.filter(confirmed_at=None)}
    return [
        _standing(channel, topic, states, waiting) for channel in channels for topic in (None, *Topic.objects.all())
    ]


def _standing(
    channel: str,
    topic: Topic | None,
    states: dict[tuple[str, str], ConsentState],
    waiting: dict[tuple[str, str], Confirmation],
) -> Standing:
    key = topic.key if topic else ""
    whole, own = states.get((channel, "")), states.get((channel, key))
    may_write = permits(
        topic,
        channel_state=whole.is_granted if whole else None,
        topic_state=own.is_granted if own and topic else None,
    )
    return Standing(channel, topic, own, waiting.get((channel, key)), may_write)


def card(contact: Contact) -> dict[str, Any]:
    """What the contact's page shows of their consent."""
    rows = [(channels[one.channel].label, one) for one in standings(contact)]
    return {"consent_rows": rows, "consent_form": ConsentForm(initial={"channel": "email"}), "now": timezone.now()}


@require_http_methods(["GET", "HEAD", "POST"])
def ledger(request: HttpRequest, pk: int) -> HttpResponse:
    """One person's ledger with the question about a moment; a POST adds a record."""
    _require(request, "contacts.change_contact" if request.method == "POST" else "contacts.view_contact")
    contact = get_object_or_404(Contact, pk=pk)
    if request.method == "POST":
        return _record(request, contact)
    before = request.GET.get("before", "")
    records = contact.consent_records.select_related("recorded_by").order_by("-id")
    records = records.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else records
    page = list(records[: PAGE + 1])
    context = admin.site.each_context(request) | {
        "title": f"Consent of {contact}",
        "opts": Contact._meta,
        "contact": contact,
        "records": _with_subjects(page[:PAGE]),
        "next_before": page[PAGE - 1].pk if len(page) > PAGE else None,
        "others": list(proof_file.merged_into(contact)),
        **_answered(request, contact),
    }
    return render(request, "contacts/consent.html", context)


def _answered(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    asked = "at" in request.GET
    form = CouldWriteForm(request.GET if asked else None, initial={"at": timezone.localtime(), "channel": "email"})
    if not (asked and form.is_valid()):
        return {"form": form}
    try:
        answer = consent.could_write(contact, **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, refused.message)
        return {"form": form}
    return {"form": form, "answer": answer, "deciding": _with_subjects(answer.deciding)}


def _with_subjects(records: Iterable[ConsentRecord]) -> list[tuple[ConsentRecord, str]]:
    """Each record with what it is about, in the words that people know."""
    names = dict(Topic.objects.values_list("key", "name"))
    whole = {key: f"{channel.label} as a whole" for key, channel in channels.items()}
    return [
        (
            one,
            f"{names.get(one.topic, one.topic)}, by {one.get_channel_display().lower()}"
            if one.topic
            else whole[one.channel],
        )
        for one in records
    ]


def _record(request: HttpRequest, contact: Contact) -> HttpResponse:
    form = ConsentForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Nothing was recorded. {_problems(form)}")
    else:
        try:
            record = _recorded(contact, form, _user(request))
            messages.success(request, DONE[ConsentRecord.Action(record.action)])
        except Refused as refused:
            messages.error(request, refused.message)
    return HttpResponseRedirect(reverse("admin:contacts_contact_change", args=[contact.pk]))


def _recorded(contact: Contact, form: ConsentForm, user: User) -> ConsentRecord:
    told = dict(form.cleaned_data)
    action, at = told.pop("action"), told.pop("at")
    if action == "ask":
        return consent.opt_in(contact, **told, by=user)
    return {"grant": consent.grant, "withdraw": consent.withdraw}[action](contact, **told, by=user, at=at)


def _problems(form: ConsentForm) -> str:
    return " ".join(f"{form.fields[name].label or name}: {errors[0]}" for name, errors in form.errors.items())


@require_safe
def proof(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The whole ledger of one person as a file to hand over."""
    user, contact = export_pages.require(request), get_object_or_404(Contact, pk=pk)
    if kind not in proof_file.WRITERS:
        raise Http404
    content_type, make = proof_file.WRITERS[kind]
    audit.record("export.consent", by=user, subject=str(contact.uuid), detail={"format": kind}, count=1)
    response = HttpResponse(make(proof_file.of(contact, by=str(request.user))), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="consent-{contact.uuid}.{kind}"'
    return response


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    return request.user


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
