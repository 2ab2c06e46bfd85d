"""The two requests that machines make by the thousand, answered from the bytes of the connection.

`GET /ipxe?...` and `GET /ignition/<nonce>`, when a request is plain: whole in one piece, HTTP/1.1, nothing pipelined,
no body, headers of printable characters, exactly one Host. Everything else goes the whole way through h11 and the ASGI
app, which give the same answers from the same service.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import h11

from provision.etcd.discovery.httpd import BoundedProtocol
from provision.netboot.asking import Malformed, asking
from provision.netboot.scripts import Firmware

if TYPE_CHECKING:
    from provision.netboot.answer import Answer
    from provision.netboot.service import BootService

PLAIN = re.compile(
    rb"GET (?:/ipxe\?([\x21-\x7e]{1,2048})|/ignition/([0-9a-f]{32})) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z-]+:[\x20-\x7e]*\r\n)+)\r\n"
)
LARGEST = 8192
SPECIAL = re.compile(rb"^(?:content-length|transfer-encoding|connection|expect|upgrade|te|trailer):", re.I | re.M)
HOST = re.compile(rb"^host:", re.I | re.M)
AGENT = re.compile(rb"^user-agent: *([^\r]*)", re.I | re.M)
ACCEPT = re.compile(rb"^accept: *([^\r]*)", re.I | re.M)


class HotProtocol(BoundedProtocol):
    """HTTP/1.1 on one connection, with the short way for plain requests."""

    service: BootService

    def data_received(self, data: bytes) -> None:
        """Answer a plain request at once; hand everything else on."""
        answer = self._short(data) if data.startswith(b"GET /i") else None
        if answer is None:
            super().data_received(data)
            return
        self._stop()
        self._unset_keepalive_if_required()
        date = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(b"%b%b\r\n%b" % (answer.wire, date, answer.body))
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _short(self, data: bytes) -> Answer | None:
        if len(data) > LARGEST or not self._idle():
            return None
        found = PLAIN.fullmatch(data)
        if found is None:
            return None
        query, nonce, headers = found.groups()
        if SPECIAL.search(headers) or len(HOST.findall(headers)) != 1:
            return None
        return self._config(nonce, headers) if nonce else self._script(query)

    def _script(self, query: bytes) -> Answer | None:
        try:
            who = asking(query.decode("ascii"))
        except Malformed:
            return None
        known = self.service.index.find(who.mac, who.uuid, who.serial)
        return self.service.script(Firmware.IPXE, known, self._peer()) if known else None

    def _config(self, nonce: bytes, headers: bytes) -> Answer | None:
        agent, accept = AGENT.search(headers), ACCEPT.search(headers)
        return self.service.config(
            nonce.decode(), self._peer(), agent[1].decode() if agent else "", accept[1].decode() if accept else ""
        )

    def _idle(self) -> bool:
        """Whether no other request is under way or half there."""
        cycle = self.cycle
        return (
            (cycle is None or cycle.response_complete)
            and self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _peer(self) -> str:
        return self.client[0] if self.client else ""
