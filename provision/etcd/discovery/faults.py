"""The errors of etcd's v2 keys API that the service answers with.

Codes, texts and HTTP statuses as etcd 3.4 sends them (observed); 300 is its "Raft Internal Error", upon which etcd's
discovery client waits and reads the registry anew.
"""

from __future__ import annotations

from provision.errors import ProvisionError

KEY_NOT_FOUND = 100
NOT_A_FILE = 102
NODE_EXISTS = 105
UNAUTHORIZED = 110
NOT_A_NUMBER = 203
INVALID_FIELD = 209
INTERNAL = 300

TEXTS: dict[int, tuple[int, str]] = {
    KEY_NOT_FOUND: (404, "Key not found"),
    NOT_A_FILE: (403, "Not a file"),
    NODE_EXISTS: (412, "Key already exists"),
    UNAUTHORIZED: (403, "The request requires user authentication"),
    NOT_A_NUMBER: (400, "The given index in POST form is not a number"),
    INVALID_FIELD: (400, "Invalid field"),
    INTERNAL: (503, "Raft Internal Error"),
}
"""errorCode -> (HTTP status, message)."""


class Fault(ProvisionError):
    """An answer of the keys API that is an error: `code` as above, `cause` says what in particular."""

    def __init__(self, code: int, cause: str) -> None:
        self.code = code
        self.cause = cause
        self.status, text = TEXTS[code]
        super().__init__(f"{text}: {cause}")

    def to_json(self, index: int) -> dict[str, object]:
        """Return the JSON body; `index` is the registry's index at this time."""
        return {"errorCode": self.code, "message": TEXTS[self.code][1], "cause": self.cause, "index": index}
