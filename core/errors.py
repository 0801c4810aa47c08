"""The one exception that says "this can't be done, and here is what to do instead"."""


class Refused(Exception):
    """A change of the world was refused by a rule of the product; nothing was changed.

    `code` is stable and meant for programs (`not_approved`), `message` is a sentence for people that says what to do.
    The console shows the message, the API answers 409 with both.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
