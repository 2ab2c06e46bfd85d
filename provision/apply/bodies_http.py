"""Bodies in a directory behind HTTP that takes PUT and DELETE: nginx's dav module, Apache, an object gateway.

Such a directory cannot be listed, so an index beside the bodies, one for each cluster, holds their labels. It is
written before a body and cleared after it. Bodies are read without credentials, by names that nobody can guess; the
index, which tells the names, must not be.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import httpx

from provision.bodies import TRAITS, Store
from provision.errors import Kind, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.diagnostics import Report
    from provision.model import Json, Wanted
    from provision.provider import Context, Traits

TOKEN, USER, PASSWORD = "PROVISION_STORE_TOKEN", "PROVISION_STORE_USER", "PROVISION_STORE_PASSWORD"
TIMEOUT = 30.0
"""Seconds for each answer."""

HINT = f"give credentials by {TOKEN}, or by {USER} and {PASSWORD}"
PLACE = ("payloads", "store")


class HttpBodies(Store):
    """A directory behind HTTP."""

    name: ClassVar[str] = "http"
    traits: ClassVar[Traits] = replace(TRAITS, concurrency=1)
    """One call at a time, since the index is read and written anew."""

    def __init__(self, options: Json, context: Context) -> None:
        super().__init__(options, context)
        self._trust = lru_cache(httpx.create_ssl_context)

    def check(self, wanted: Wanted) -> Report:
        """Look whether there are credentials, and whether the index can be read without them."""
        report = super().check(wanted)
        if not _credentials():
            report.error("PV424", f"there are no credentials to write to {self.place}", path=PLACE, hint=HINT)
        else:
            self._check_index(report)
        return report

    def _check_index(self, report: Report) -> None:
        try:
            answer = self._ask("GET", self._index(self.cluster), known=False)
            self._read(self.cluster)
        except ProviderError as error:
            report.error("PV424", str(error), path=PLACE, hint=error.hint)
            return
        if answer.status_code == httpx.codes.OK:
            report.error("PV423", _public(self.place), path=PLACE, hint=PROTECT)

    def put(self, key: str, data: bytes, texts: Mapping[str, str]) -> None:
        """Write the index, then the body."""
        self._enter(key, texts)
        if self._ask("GET", self._index(_cluster(key)), known=False).status_code == httpx.codes.OK:
            raise ProviderError(_public(self.place), kind=Kind.INVALID, code="PV423", hint=PROTECT)
        self._expect(self._ask("PUT", self._body(key), data), "PUT", self._body(key))

    def relabel(self, key: str, texts: Mapping[str, str]) -> None:
        """Write the index."""
        self._enter(key, texts)

    def objects(self, folder: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield what the index of the folder's cluster holds; of all clusters only the spec's can be found."""
        entries, _ = self._read(folder.partition("/")[0] or self.cluster)
        yield from ((key, texts) for key, texts in sorted(entries.items()) if key.startswith(folder))

    def remove(self, key: str) -> None:
        """Remove the body, then its line in the index."""
        answer = self._ask("DELETE", self._body(key))
        if answer.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            self._expect(answer, "DELETE", self._body(key))
        entries, tag = self._read(_cluster(key))
        if entries.pop(key, None) is not None:
            self._write(_cluster(key), entries, tag)

    def address(self, key: str, seconds: int) -> str:  # noqa: ARG002
        """Return the body's URL."""
        return self._body(key)

    def _body(self, key: str) -> str:
        return f"{self.place}/{key.rpartition('/')[2]}"

    def _index(self, cluster: str) -> str:
        return f"{self.place}/provision-{cluster}.json"

    def _enter(self, key: str, texts: Mapping[str, str]) -> None:
        entries, tag = self._read(_cluster(key))
        if entries.get(key) != dict(texts):
            self._write(_cluster(key), {**entries, key: dict(texts)}, tag)

    def _read(self, cluster: str) -> tuple[dict[str, dict[str, str]], str]:
        url = self._index(cluster)
        answer = self._ask("GET", url)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}, ""
        self._expect(answer, "GET", url)
        try:
            entries: dict[str, dict[str, str]] = answer.json()["bodies"]
        except (ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"{url} is no index of bodies", kind=Kind.INVALID, hint="remove it") from error
        return entries, answer.headers.get("etag", "")

    def _write(self, cluster: str, entries: Mapping[str, Mapping[str, str]], tag: str) -> None:
        """Write an index that nobody has changed since it was read, where the server can tell."""
        data = json.dumps({"bodies": entries}, sort_keys=True).encode()
        guard = {"If-Match": tag} if tag and not tag.startswith("W/") else {}
        self._expect(self._ask("PUT", self._index(cluster), data, headers=guard), "PUT", self._index(cluster))

    def _ask(
        self, method: str, url: str, data: bytes = b"", *, known: bool = True, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        given = _credentials() if known else {}
        try:
            return httpx.request(
                method,
                url,
                content=data or None,
                headers={**given, **(headers or {})},
                timeout=TIMEOUT,
                verify=self._trust(),
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            sent = method != "GET" and not isinstance(error, httpx.ConnectError | httpx.InvalidURL)
            kind = Kind.AMBIGUOUS if sent else Kind.UNAVAILABLE
            raise ProviderError(f"{method} {url}: {error}", kind=kind, retryable=True, code="NoAnswer") from error

    def _expect(self, answer: httpx.Response, method: str, url: str) -> None:
        if answer.is_success:
            return
        code = answer.status_code
        kind, retryable = _meaning(code)
        hint = HINT if kind is Kind.AUTH else None
        raise ProviderError(f"{method} {url}: HTTP {code}", kind=kind, retryable=retryable, code=str(code), hint=hint)


PROTECT = "let the server ask for credentials for provision-*.json"


def _public(place: str) -> str:
    return f"the index of bodies in {place} can be read by everybody, and tells where secrets lie"


def _cluster(key: str) -> str:
    return key.partition("/")[0]


def _meaning(status: int) -> tuple[Kind, bool]:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Kind.AUTH, False
    if status == httpx.codes.PRECONDITION_FAILED:
        return Kind.UNAVAILABLE, True
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Kind.THROTTLED, True
    return (Kind.UNAVAILABLE, True) if status >= 500 else (Kind.INVALID, False)


def _credentials() -> dict[str, str]:
    """Return the header that lets us write."""
    token, user = os.environ.get(TOKEN, ""), os.environ.get(USER, "")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user:
        request = httpx.Request("GET", "http://store")
        flow = httpx.BasicAuth(user, os.environ.get(PASSWORD, "")).auth_flow(request)
        return {"Authorization": next(flow).headers["Authorization"]}
    return {}
