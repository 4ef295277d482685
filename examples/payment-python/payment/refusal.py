"""Why something was not done, by a code that callers go by."""


class Refusal(Exception):
    """One of the codes of docs/http.md or of a contract's error: in words, where in the request, and what else there is
    to know."""

    def __init__(self, code: str, detail: str, pointer: str | None = None, fault: str = "invalid_value", **more):
        super().__init__(detail)
        self.code, self.detail, self.pointer, self.fault, self.more = code, detail, pointer, fault, more
