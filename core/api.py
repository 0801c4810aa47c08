"""What every endpoint shares: problem+json errors, cursor pages, the console's verbs as answers."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from rest_framework import exceptions, pagination, serializers
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from core.errors import Refused

logger = logging.getLogger(__name__)
PROBLEM = "application/problem+json"


def problem_json(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every error of the API as RFC 9457 problem+json; unknown exceptions stay Django's to log and answer."""
    if isinstance(error, Refused):
        set_rollback()
        return _problem(HTTPStatus.CONFLICT, error.code, error.message)
    if isinstance(error, ValidationError):
        by_field = error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}
        error = exceptions.ValidationError(by_field)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    response = exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return response
    status = HTTPStatus(response.status_code)
    if isinstance(error, exceptions.ValidationError):
        errors = response.data if isinstance(response.data, dict) else {"non_field_errors": response.data}
        return _problem(status, "invalid", "The request has errors; see `errors` for each field.", errors=errors)
    codes = error.get_codes()
    problem = _problem(status, codes if isinstance(codes, str) else "error", str(error.detail))
    for header in ("WWW-Authenticate", "Retry-After"):
        if header in response:
            problem[header] = response[header]
    return problem


def _problem(status: HTTPStatus, code: str, detail: str, **extra: Any) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, "code": code}
    # content_type wins over the negotiated renderer, which encodes the same JSON either way
    return Response(json.loads(json.dumps(body | extra, default=str)), status=status.value, content_type=PROBLEM)


class CursorPages(pagination.CursorPagination):
    """Pages by key, never by offset: the thousandth page costs what the first does."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "limit"
    ordering: str | tuple[str, ...] = "-id"

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results"],
            "properties": {
                "next": {"type": ["string", "null"], "format": "uri"},
                "previous": {"type": ["string", "null"], "format": "uri"},
                "results": schema,
            },
        }


class StrictSerializer(serializers.Serializer):
    """A body whose unknown fields are errors: a misspelt one must not be ignored in silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(map(str, data.keys() - self.fields.keys())) if isinstance(data, Mapping) else []
        if unknown:
            raise serializers.ValidationError({name: ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)
