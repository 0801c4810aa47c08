"""The preference centre: a person's own pages behind a signed link. A GET never changes anything."""

from collections.abc import Callable
from typing import Any

import redis
from django.contrib.auth.decorators import permission_required
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from contacts import handing_over, own_data, preferences, subscriptions, suppression
from contacts.addresses import masked
from contacts.models import Contact
from contacts.preference_forms import EraseForm, ProofForm, WishesForm
from contacts.subscriptions import Cell, Told, Way
from core import tokens
from core.errors import Refused
from team import public
from team.throttling import Attempts

SOURCE = "the preference centre"
PROOFS = Attempts("preferences-proof", limit=5, seconds=3600)

View = Callable[[HttpRequest, str, Contact], HttpResponseBase]


def _personal(view: View) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """A page for whomever the token names, in their language.

    The token is the proof of who asks, so no cookie is compared: who could make others post here has it already.
    """

    @csrf_exempt
    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    def answer(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            contact = preferences.contact_of(token)
        except (tokens.BadToken, Contact.DoesNotExist):
            with public.speaking(request):
                return public.page(request, "contacts/preferences_gone.html", {}, status=404)
        with public.speaking(request, contact.locale):
            return view(request, token, contact)

    return answer


@_personal
def preference_page(request: HttpRequest, token: str, contact: Contact) -> HttpResponse:
    """Topics, how often, when; and leaving everything."""
    wishes = preferences.of(contact)
    if request.method != "POST":
        return _page(request, contact, WishesForm(wishes=wishes), token=token)
    if request.POST.get("action") == "leave":
        subscriptions.leave_all(contact, told=_told(request, {}))
        return _back(request, token, "left")
    form = WishesForm(request.POST, wishes=wishes)
    if not form.is_valid():
        return _page(request, contact, form, token=token)
    try:
        _keep(request, contact, form)
    except Refused:
        form.add_error(None, _("This could not be saved. Load the page afresh, and try again."))
        return _page(request, contact, form, token=token)
    return _back(request, token, "saved", speaks_anew=form.wishes.locale != wishes.locale)


def _keep(request: HttpRequest, contact: Contact, form: WishesForm) -> None:
    lines = subscriptions.of(contact)
    preferences.keep(contact, form.wishes, source=SOURCE)
    shown, wanted = _cells(request, "shown", lines), _cells(request, "topic", lines)
    subscriptions.follow(contact, shown=shown, wanted=wanted, told=_told(request, _wordings(lines)))


def _cells(request: HttpRequest, name: str, lines: list[list[Way]]) -> set[Cell]:
    """The ways that a field of the form names; whatever else it says is nothing of ours."""
    said = set(request.POST.getlist(name))
    return {way.cell for line in lines for way in line if _name(way.cell) in said}


def _told(request: HttpRequest, wordings: dict[Cell, str]) -> Told:
    return Told(SOURCE, ip_address=request.META.get("REMOTE_ADDR") or None, wordings=wordings)


def _wordings(lines: list[list[Way]]) -> dict[Cell, str]:
    """The sentence that each box stands for, in the language in which it was read."""
    return {way.cell: _wording(way) for line in lines for way in line}


def _wording(way: Way) -> str:
    if way.topic is not None and way.topic.wording:
        return way.topic.wording
    what = way.topic.name if way.topic else _("General news and offers")
    return _("I want to receive “%(topic)s” by %(channel)s.") % {"topic": what, "channel": _channel_name(way)}


def _page(request: HttpRequest, contact: Contact, form: WishesForm, *, token: str) -> HttpResponse:
    lines = subscriptions.of(contact)
    has_now = {way.cell for line in lines for way in line if way.is_on}
    ticked = _cells(request, "topic", lines) if form.is_bound else has_now
    context = {
        "form": form, "topics": [_line(line, ticked) for line in lines], "address": _address(contact),
        "suppressed": suppression.find(contact.email) if contact.email else None,
        "gets_anything": bool(has_now), "is_preview": not token,
        "waits": any(way.waits_for_confirmation for line in lines for way in line),
        "done": request.GET.get("done") if request.method != "POST" else "", "token": token,
    }  # fmt: skip
    return public.page(request, "contacts/preferences.html", context, status=400 if form.errors else 200)


def _line(line: list[Way], ticked: set[Cell]) -> dict[str, Any]:
    topic = line[0].topic
    return {
        "name": topic.name if topic else _("General news and offers"),
        "description": topic.description if topic else _("Whatever belongs to no topic of its own."),
        "wording": topic.wording if topic else "",
        "needs_general": line[0].needs_general,
        "ways": [
            {
                "value": _name(way.cell), "label": _channel_name(way), "is_ticked": way.cell in ticked,
                "waits": way.waits_for_confirmation,
            }
            for way in line
        ],
    }  # fmt: skip


def _address(contact: Contact) -> str:
    return masked(contact.email or contact.phone)


def _name(cell: Cell) -> str:
    return ":".join(cell)


def _channel_name(way: Way) -> str:
    return _(way.channel.label)


def _back(request: HttpRequest, token: str, done: str, *, speaks_anew: bool = False) -> HttpResponse:
    """To the page as it is now, so that loading it again sends nothing again."""
    asked = "" if speaks_anew else public.asked_language(request)
    query = f"?done={done}" + (f"&lang={asked}" if asked else "")
    return HttpResponseRedirect(reverse("preferences", args=[token]) + query)


@_personal
def data_page(request: HttpRequest, token: str, contact: Contact) -> HttpResponseBase:
    """Taking one's data along, and having it erased."""
    action = request.POST.get("action", "")
    forms = {
        "download": ProofForm(request.POST if action == "download" else None, contact=contact, prefix="take"),
        "erase": EraseForm(request.POST if action == "erase" else None, contact=contact, prefix="erase"),
    }
    if action in forms and _is_proven(forms[action], contact):
        return _download(contact) if action == "download" else _erase(request, contact, forms["erase"])
    has_errors = any(form.errors for form in forms.values())
    context = {"token": token, "address": _address(contact), **forms, "has_errors": has_errors}
    return public.page(request, "contacts/preferences_data.html", context, status=400 if has_errors else 200)


def _is_proven(form: ProofForm, contact: Contact) -> bool:
    """Whether the form is right, with few enough tries: else the address could be guessed."""
    try:
        must_wait = PROOFS.take(str(contact.pk))
    except redis.RedisError:
        must_wait = 60  # without a counter nobody may try: this hands out everything
    if must_wait:
        form.errors["address"] = form.error_class([_("Too many tries. Please try again in an hour.")])
        return False
    if form.is_valid():
        PROOFS.forget(str(contact.pk))
        return True
    return False


def _download(contact: Contact) -> FileResponse:
    name = f"my-data-{timezone.localdate()}.zip"
    file = handing_over.packed(contact, by=None)
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


def _erase(request: HttpRequest, contact: Contact, form: ProofForm) -> HttpResponse:
    keeps_away = form.cleaned_data["keeps_away"]
    own_data.erase(contact, keeps_away=keeps_away, told=_told(request, {}))
    return public.page(request, "contacts/preferences_erased.html", {"keeps_away": keeps_away})


@require_safe
@permission_required("contacts.view_contact")
def preview(request: HttpRequest) -> HttpResponse:
    """For the team: the page as somebody sees it who comes for the first time. Nothing on it can be sent."""
    contact = Contact(email="sam@example.com", locale="", time_zone="")
    with public.speaking(request):
        return _page(request, contact, WishesForm(wishes=preferences.of(contact)), token="")
