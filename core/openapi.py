"""How endpoints describe themselves: what each returns when something is wrong is derived here, for all of them."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, AllowAny

from core.api import PROBLEM

MEANING = {
    HTTPStatus.BAD_REQUEST: "The request is wrong; `errors` says for each field what and why.",
    HTTPStatus.UNAUTHORIZED: "No API key, or one that is unknown, expired or revoked.",
    HTTPStatus.FORBIDDEN: "The key lacks the scope, or its owner the permission.",
    HTTPStatus.NOT_FOUND: "There is nothing of that id.",
    HTTPStatus.CONFLICT: "Not possible as things are; `detail` says why and what to do, `code` names it for programs.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests in this minute.",
}
_WAIT = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}


class ProblemSerializer(serializers.Serializer):
    """An error as RFC 9457 has it."""

    type = serializers.CharField(help_text="Always about:blank: `code` tells one problem from another.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, for people.")
    code = serializers.CharField(help_text="The same for programs.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the stubs mean the base property
        required=False, help_text="For status 400: what is wrong by field; `non_field_errors` for the whole."
    )


class Schema(AutoSchema):
    """Adds to each operation the errors that it can answer with, as the exception handler (core/api.py) writes them."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._errors() if direction == "response" else ():
            said = bodies.get(str(status.value), {})
            if "content" not in said:
                bodies[str(status.value)] = self._problem(status) | {key: said[key] for key in said if said[key]}
        return dict(sorted(bodies.items()))

    def _problem(self, status: HTTPStatus) -> dict[str, Any]:
        describe: Any = self._get_response_for_code  # without types
        body: dict[str, Any] = describe(ProblemSerializer, str(status.value), [PROBLEM])
        headers = {"headers": _WAIT} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
        return body | headers | {"description": MEANING[status]}

    def _errors(self) -> list[HTTPStatus]:
        view, parameters = self.view, self._get_parameters()
        is_open = all(isinstance(permission, AllowAny) for permission in view.get_permissions())
        asked = {parameter["in"] for parameter in parameters}
        applies = {
            HTTPStatus.BAD_REQUEST: "query" in asked or self.method in ("POST", "PUT", "PATCH"),
            HTTPStatus.UNAUTHORIZED: not is_open,
            HTTPStatus.FORBIDDEN: not is_open,
            HTTPStatus.NOT_FOUND: "path" in asked or any(one["name"] == "cursor" for one in parameters),
            HTTPStatus.CONFLICT: self.method not in SAFE_METHODS,
            HTTPStatus.TOO_MANY_REQUESTS: bool(view.get_throttles()),
        }
        return [status for status, does in applies.items() if does]
