"""Pages for people outside, who have no login: in the brand's look and in a language that they read."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from team import brand


def language_of(request: HttpRequest, locale: str = "") -> str:
    """What the address asks for, else the language that the person is known to read, else their browser's."""
    return asked_language(request) or _supported(locale) or translation.get_language_from_request(request)


def asked_language(request: HttpRequest) -> str:
    """The language that the address asks for by `?lang=`; empty if it asks for none that we have."""
    return _supported(request.GET.get("lang", ""))


def _supported(wanted: str) -> str:
    """The language of ours that a tag such as `pt-BR` or `de_AT` means; empty if none is."""
    try:
        return translation.get_supported_language_variant(wanted.replace("_", "-").lower())
    except LookupError:
        return ""


@contextlib.contextmanager
def speaking(request: HttpRequest, locale: str = "") -> Iterator[str]:
    """Everything inside is said in the visitor's language, forms and dates included."""
    code = language_of(request, locale)
    with translation.override(code):
        yield code


def page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A public page, whose template extends team/public.html; the language is that of `speaking`."""
    ours = brand.current()
    dress = {
        "brand": ours,
        "palette": brand.palette(ours),
        "languages": settings.LANGUAGES,
        "asked_language": asked_language(request),
    }
    response = render(request, template, dress | context, status=status)
    response["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def logo(request: HttpRequest, digest: str) -> HttpResponse:
    """The logo by the name of its bytes: a new one has a new address."""
    ours = brand.current()
    if ours.logo is None or digest != ours.logo_digest:
        raise Http404
    return HttpResponse(bytes(ours.logo), content_type="image/png")
