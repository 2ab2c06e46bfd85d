"""Google Cloud Storage's JSON API: calls, signed addresses, and which refusal means what.

https://cloud.google.com/storage/docs/json_api and https://cloud.google.com/storage/docs/authentication/signatures.
``STORAGE_EMULATOR_HOST`` names a server that speaks the same, as it does for Google's own libraries.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from provision.errors import Kind, ProviderError, ProviderMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.model import Json

API = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
TIMEOUT = 30.0
"""Seconds for each answer."""

_LOGIN = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
_BOUNDARY = "provision-body"


class Storage:
    """One bucket. May be called from several threads."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        emulated = os.environ.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
        self.api = f"http://{emulated}" if emulated and "://" not in emulated else emulated or API
        self._emulated = bool(emulated)
        self._trust = lru_cache(httpx.create_ssl_context)
        self._known: Any = None
        self._lock = Lock()

    def about(self, what: str = "", **query: str) -> Json:
        """Return the bucket, or its "iam" policy.

        Raises:
            ProviderError: see `_call`.
        """
        return self._json("GET", f"/storage/v1/b/{self.bucket}{what and '/' + what}", query)

    def insert(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        """Store an object with its metadata in one call.

        Raises:
            ProviderError: see `_call`.
        """
        resource = json.dumps({"name": name, "metadata": metadata, "cacheControl": "private, no-store"}).encode()
        head = f"--{_BOUNDARY}\r\nContent-Type: %b\r\n\r\n".encode()
        parts = [head % b"application/json; charset=UTF-8", resource, b"\r\n", head % b"application/json", data]
        whole = b"".join([*parts, f"\r\n--{_BOUNDARY}--\r\n".encode()])
        kind = f"multipart/related; boundary={_BOUNDARY}"
        path = f"/upload/storage/v1/b/{self.bucket}/o"
        self._call("POST", path, {"uploadType": "multipart"}, whole, {"Content-Type": kind})

    def patch(self, name: str, metadata: Mapping[str, str]) -> None:
        """Exchange an object's metadata.

        Raises:
            ProviderError: see `_call`.
        """
        data = json.dumps({"metadata": metadata}).encode()
        self._call("PATCH", self._object(name), {}, data, {"Content-Type": "application/json"})

    def objects(self, prefix: str) -> Iterator[Json]:
        """Yield names and metadata of all objects whose names begin so, a thousand a call.

        Raises:
            ProviderError: see `_call`; what was yielded before is incomplete.
        """
        query = {"prefix": prefix, "fields": "items(name,metadata),nextPageToken"}
        while True:
            page = self._json("GET", f"/storage/v1/b/{self.bucket}/o", query)
            yield from page.get("items", ())
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def delete(self, name: str) -> None:
        """Remove an object.

        Raises:
            ProviderError: see `_call`; NOT_FOUND when there is none.
        """
        self._call("DELETE", self._object(name), {})

    def can_sign(self) -> bool:
        """Tell whether these credentials can sign: those of a service account can, those of a person cannot."""
        return self._emulated or (hasattr(self._credentials(), "sign_bytes") and bool(self._email()))

    def signed(self, name: str, seconds: int) -> str:
        """Return an https URL by which whoever has it may read an object for some seconds (V4 signature).

        Raises:
            ProviderError: the credentials cannot sign.
        """
        path = f"/{self.bucket}/{quote(name, safe='/')}"
        if self._emulated:
            return self.api + path
        host, moment = "storage.googleapis.com", datetime.now(UTC)
        stamp, scope = moment.strftime("%Y%m%dT%H%M%SZ"), f"{moment:%Y%m%d}/auto/storage/goog4_request"
        query = {
            "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
            "X-Goog-Credential": f"{self._email()}/{scope}",
            "X-Goog-Date": stamp,
            "X-Goog-Expires": str(seconds),
            "X-Goog-SignedHeaders": "host",
        }
        text = "&".join(f"{key}={quote(value, safe='')}" for key, value in sorted(query.items()))
        request = f"GET\n{path}\n{text}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        signature = self._sign(f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{digest}".encode())
        return f"https://{host}{path}?{text}&X-Goog-Signature={signature.hex()}"

    def _sign(self, data: bytes) -> bytes:
        from google.auth.exceptions import GoogleAuthError

        try:
            signature: bytes = self._credentials().sign_bytes(data)
        except (AttributeError, GoogleAuthError) as error:
            message = f"these credentials cannot sign an address: {error}"
            raise ProviderError(message, kind=Kind.AUTH, hint=SIGNERS) from error
        return signature

    def _email(self) -> str:
        return str(getattr(self._credentials(), "service_account_email", "") or "")

    def _object(self, name: str) -> str:
        return f"/storage/v1/b/{self.bucket}/o/{quote(name, safe='')}"

    def _json(self, method: str, path: str, query: Mapping[str, str]) -> Json:
        answer = self._call(method, path, query)
        try:
            found: Json = answer.json()
        except ValueError as error:
            raise ProviderError(f"{method} {path}: no JSON", kind=Kind.UNAVAILABLE, retryable=True) from error
        return found

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        given = {**self._token(), **(headers or {})}
        try:
            answer = httpx.request(
                method,
                self.api + path,
                params=query,
                content=data,
                headers=given,
                timeout=TIMEOUT,
                verify=self._trust(),
            )
        except httpx.HTTPError as error:
            sent = method != "GET" and not isinstance(error, httpx.ConnectError)
            kind = Kind.AMBIGUOUS if sent else Kind.UNAVAILABLE
            raise ProviderError(f"Cloud Storage: {error}", kind=kind, retryable=True, code="NoAnswer") from error
        if not answer.is_success:
            raise _refused(method, answer)
        return answer

    def _token(self) -> dict[str, str]:
        if self._emulated:
            return {}
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        credentials = self._credentials()
        with self._lock:
            try:
                if not credentials.valid:
                    credentials.refresh(Request())
            except GoogleAuthError as error:
                raise ProviderError(f"no access to Google Cloud: {error}", kind=Kind.AUTH, hint=_LOGIN) from error
        return {"Authorization": f"Bearer {credentials.token}"}

    def _credentials(self) -> Any:  # noqa: ANN401
        try:
            import google.auth
        except ImportError as error:
            raise ProviderMissing(
                f"google-auth is not installed: {error}", hint="pip install 'provision[gce]'"
            ) from error
        with self._lock:
            if self._known is None:
                try:
                    self._known, _ = google.auth.default(scopes=[SCOPE])
                except google.auth.exceptions.GoogleAuthError as error:
                    raise ProviderError(f"no access to Google Cloud: {error}", kind=Kind.AUTH, hint=_LOGIN) from error
            return self._known


SIGNERS = "use a service account's credentials, or `fetch: role` for machines whose service account may read the bucket"


def _refused(method: str, answer: httpx.Response) -> ProviderError:
    status = answer.status_code
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"HTTP {status}"
    kind, retryable = _meaning(status, reads=method == "GET")
    hint = _LOGIN if status == httpx.codes.UNAUTHORIZED else None
    return ProviderError(f"Cloud Storage: {message[:500]}", kind=kind, retryable=retryable, code=str(status), hint=hint)


def _meaning(status: int, *, reads: bool) -> tuple[Kind, bool]:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Kind.AUTH, False
    if status == httpx.codes.NOT_FOUND:
        return Kind.NOT_FOUND, False
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Kind.THROTTLED, True
    if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
        return (Kind.UNAVAILABLE if reads else Kind.AMBIGUOUS), True
    return Kind.INVALID, False
