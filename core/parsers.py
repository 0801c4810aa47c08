"""How request bodies are read. Apart from core.api, whose imports of the framework's views load this module."""

from typing import Any

from rest_framework import exceptions, parsers


class JsonParser(parsers.JSONParser):
    """JSON nested without end is the client's mistake (400), not ours (500)."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error
