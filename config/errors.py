"""The pages for what went wrong: in the console's look for people, as problem+json below /api."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from core.api import PROBLEM


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, HTTPStatus.BAD_REQUEST, "This request can't be understood.", "Go back and try once more.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(
        request,
        HTTPStatus.FORBIDDEN,
        "Your role doesn't allow this.",
        "Ask an administrator of your team if you need to do it.",
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(
        request, HTTPStatus.NOT_FOUND, "There is nothing here.", "It may have been removed, or the link is incomplete."
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something broke on our side.",
        "Nothing you did is lost that was saved before. Try again; if it stays, tell whoever runs this console.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request,
        HTTPStatus.FORBIDDEN,
        "This page was open for too long, or cookies are off.",
        "Go back, load the page afresh and send it again. Nothing was changed.",
    )


def _answer(request: HttpRequest, status: HTTPStatus, title: str, hint: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        detail = f"{title} {hint}"
        code = status.name.lower()
        body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code}
        return JsonResponse(body, status=status, content_type=PROBLEM)
    is_console = request.path.startswith(reverse("admin:index"))
    context = {"status": status.value, "title": title, "hint": hint, "is_console": is_console}
    return render(request, "error.html", context, status=status)
