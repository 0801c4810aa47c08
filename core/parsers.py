"""How request bodies are read. Apart from core.api, whose imports of the framework's views load this module."""

import json
from typing import Any

from rest_framework import exceptions, parsers


class JsonParser(parsers.JSONParser):
    """JSON nested without end, or with halves of characters, is the client's mistake (400), not ours (500)."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            body = super().parse(stream, media_type, parser_context)
            # `\ud800` alone is valid JSON and no text: neither the database nor an answer can hold it
            json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise exceptions.ParseError("The JSON holds half of a character (a lone surrogate).") from error
        return body
