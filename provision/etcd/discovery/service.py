"""The discovery service as an ASGI app: what etcd's v2 discovery client asks, and nothing more of the keys API.

Paths, parameters and answers as etcd 3.4 members and Debian's ``etcd-discovery`` exchange them (observed on the wire).
The app can be mounted below any path: etcd takes the token's whole path as its prefix.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from provision.etcd.discovery import answers, faults
from provision.etcd.discovery.committer import Committer
from provision.etcd.discovery.faults import Fault
from provision.etcd.discovery.longpoll import LongPoll
from provision.etcd.discovery.metrics import CONTENT_TYPE, Metrics
from provision.etcd.discovery.registry import NAME, TOKEN, Written, check_size, key
from provision.etcd.discovery.waiters import Waiters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from provision.etcd.discovery.store import Store
    from provision.model import Json

DEFAULT_SIZE = "3"
SIZE_KEY = "_config/size"


def app(store: Store, *, extra_routes: Sequence[BaseRoute] = (), public_url: str = "") -> Starlette:
    """Return the service on a store.

    Args:
        store: the registry; its limits hold for the service too.
        extra_routes: more routes, tried before the service's own.
        public_url: what new tokens' URLs start with; "" takes the scheme and host that each client used.
    """
    service = Service(store, public_url)
    routes = [
        *extra_routes,
        Route("/new", service.new, methods=["GET", "PUT", "POST"]),
        Route("/health", service.health, methods=["GET"]),
        Route("/metrics", service.metrics, methods=["GET"]),
        Route("/{token}", service.directory, methods=["GET", "PUT", "DELETE"]),
        Route("/{token}/{name:path}", service.key, methods=["GET", "PUT", "DELETE"]),
    ]
    starlette = Starlette(routes=routes)
    starlette.state.service = service
    return starlette


class Service:
    """The handlers. Everything runs on one event loop."""

    def __init__(self, store: Store, public_url: str = "") -> None:
        self.store = store
        self.waiters = Waiters(store.limits.waiters)
        self.counts = Metrics(store, self.waiters)
        self._committer = Committer(store)
        self._public_url = public_url.rstrip("/")

    async def new(self, request: Request) -> Response:
        """Make a token; the body is its URL without a newline."""
        text = request.query_params.get("size", DEFAULT_SIZE)
        try:
            size = int(text) if text.isascii() and text.isdigit() else 0
            check_size(size)
        except Fault:
            said = f"size {text[:20]!r} is not a whole number from 1 to 9: give the number of voters\n"
            return self._count(request, PlainTextResponse(said, 400))
        token = self.store.name_token()
        try:
            await self._committer.commit(self.store.making(token, size))
        except Fault as fault:
            return self._count(request, PlainTextResponse(f"{fault.message}\n", fault.status))
        return self._count(request, PlainTextResponse(f"{self._base(request)}/{token}"))

    async def health(self, request: Request) -> Response:
        """Say that the service answers."""
        return self._count(request, PlainTextResponse("OK"))

    async def metrics(self, request: Request) -> Response:
        """Report the counts."""
        return self._count(request, Response(self.counts.text(), media_type=CONTENT_TYPE))

    async def directory(self, request: Request) -> Response | LongPoll:
        """Answer a GET of a token or a wait for its next registration; retire it by DELETE."""
        token = request.path_params["token"]
        if not TOKEN.fullmatch(token):
            return self._count(request, PlainTextResponse("a token is 32 hex digits: make one at /new?size=N\n", 404))
        if request.method == "DELETE":
            return await self._retire(request, token)
        return await self._guarded(request, lambda: self._directory(request, token))

    async def key(self, request: Request) -> Response | LongPoll:
        """Answer a GET, PUT or DELETE of one member, or of ``_config/size``."""
        token, name = request.path_params["token"], request.path_params["name"]
        if not TOKEN.fullmatch(token):
            return self._count(request, PlainTextResponse("a token is 32 hex digits: make one at /new?size=N\n", 404))
        if request.method == "PUT":
            return await self._register(request, token, name)
        if request.method == "DELETE":
            return await self._clear(request, token, name)
        return await self._guarded(request, lambda: self._get(request, token, name))

    def _directory(self, request: Request, token: str) -> Response | LongPoll:
        found = self.store.registry.token(token)
        if request.method == "PUT":
            raise Fault(faults.NOT_A_FILE, key(token))
        if _flag(request, "wait"):
            # A wait on a directory that is not recursive hears of nothing below it; ours hears all: none asks so.
            return self._wait(request, token, None)
        return self._json(answers.directory(token, found))

    def _get(self, request: Request, token: str, name: str) -> Response | LongPoll:
        if _flag(request, "wait") and NAME.fullmatch(name):
            self.store.registry.token(token)
            return self._wait(request, token, name)
        if name == SIZE_KEY:
            return self._json(answers.size(token, self.store.registry.token(token)))
        return self._json(answers.one(token, self.store.registry.node(token, name)))

    def _wait(self, request: Request, token: str, name: str | None) -> Response | LongPoll:
        registry = self.store.registry
        since = _index(request) or registry.index + 1

        def poll() -> Json | None:
            node = self.store.registry.next_after(token, since, name)
            action = "create" if node and node.created == node.modified else "set"
            return None if node is None else answers.one(token, node, action)

        found = poll()
        if found is not None:
            return self._json(found)
        if self.waiters.count >= self.waiters.most:
            raise Fault(faults.INTERNAL, f"{self.waiters.count} clients wait already")
        return LongPoll(self.waiters, token, poll, self._headers(), self.store.limits.wait)

    async def _register(self, request: Request, token: str, name: str) -> Response:
        try:
            form = await self._form(request)
        except Fault as fault:
            refusal = self._fault(request, fault)
            refusal.headers["Connection"] = "close"  # the rest of the body is not waited for
            return refusal
        try:
            operation = self.store.putting(
                token, name, form.get("value", ""), _prev_exist({**request.query_params, **form})
            )
            written = await self._write(token, operation)
        except Fault as fault:
            return self._fault(request, fault)
        body = answers.written(token, written)
        return self._count(request, self._json(body, 200 if written.previous else 201))

    async def _clear(self, request: Request, token: str, name: str) -> Response:
        try:
            written = await self._write(token, self.store.deleting(token, name))
        except Fault as fault:
            return self._fault(request, fault)
        return self._count(request, self._json(answers.written(token, written)))

    async def _retire(self, request: Request, token: str) -> Response:
        """Drop a token; who waits on it, or comes with it later, is told that it is not there (fault 100)."""
        try:
            await self._committer.commit(self.store.retiring(token))
        except Fault as fault:
            return self._fault(request, fault)
        self.waiters.wake(token)
        return self._count(request, Response(status_code=204))

    async def _write(self, token: str, operation: Callable[..., Written | None]) -> Written:
        written = cast(Written, await self._committer.commit(operation))
        self.waiters.wake(token)
        return written

    async def _form(self, request: Request) -> dict[str, str]:
        """Read a small form within the time that a request may take."""
        body = bytearray()
        try:
            async with asyncio.timeout(self.store.limits.request):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self.store.limits.body:
                        raise Fault(faults.INVALID_FIELD, f"the body is larger than {self.store.limits.body} bytes")
            fields = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=8)
        except (ValueError, TimeoutError, ClientDisconnect):
            raise Fault(faults.INVALID_FIELD, "the body is not a complete form in UTF-8") from None
        return {name: values[0] for name, values in fields.items()}

    async def _guarded(self, request: Request, handler: Callable[[], Response | LongPoll]) -> Response | LongPoll:
        try:
            answer = handler()
        except Fault as fault:
            return self._fault(request, fault)
        return self._count(request, answer) if isinstance(answer, Response) else self._poll(request, answer)

    def _poll(self, request: Request, answer: LongPoll) -> LongPoll:
        self.counts.requests[request.method, 200] += 1
        return answer

    def _fault(self, request: Request, fault: Fault) -> Response:
        return self._count(request, self._json(fault.to_json(self.store.registry.index), fault.status))

    def _json(self, body: Json, status: int = 200) -> Response:
        return JSONResponse(body, status, self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "X-Etcd-Index": str(self.store.registry.index)}

    def _count(self, request: Request, response: Response) -> Response:
        self.counts.requests[request.method, response.status_code] += 1
        return response

    def _base(self, request: Request) -> str:
        return self._public_url or str(request.base_url).rstrip("/")


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise Fault(faults.INVALID_FIELD, f"invalid value for {name!r}")
    return text == "true"


def _index(request: Request) -> int:
    text = request.query_params.get("waitIndex", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Fault(faults.NOT_A_NUMBER, 'invalid value for "waitIndex"')
    return int(text)


def _prev_exist(fields: dict[str, str]) -> bool | None:
    unknown = fields.keys() & {"ttl", "prevValue", "prevIndex", "dir", "refresh"}
    if unknown:
        raise Fault(faults.INVALID_FIELD, f"a discovery token takes no {sorted(unknown)[0]!r}")
    text = fields.get("prevExist")
    if text not in {None, "true", "false"}:
        raise Fault(faults.INVALID_FIELD, "invalid value for prevExist")
    return None if text is None else text == "true"
