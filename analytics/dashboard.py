"""The console's home: what is going out, what needs attention, how the last weeks went."""

from typing import Any

from django.http import HttpRequest


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return context
