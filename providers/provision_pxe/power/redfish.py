"""Redfish (DMTF DSP0266), spoken by the management controllers of servers, through the library sushy."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provision.errors import Kind, ProviderError
from provision_pxe.power import secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 30
"""Seconds; controllers are slow, and one that is off the network must not hold up the others."""


@dataclass(frozen=True, slots=True)
class Power:
    """One system behind one management controller.

    `url` is the controller's, `system` the path of the system there (``/redfish/v1/Systems/1``) or its last part,
    needed where there are several. `verify` is whether its TLS certificate is checked, or the file of the CA to check
    it with.
    """

    name: str
    url: str
    system: str = ""
    username: str = ""
    password: Mapping[str, str] = field(default_factory=dict)
    verify: bool | str = True

    def state(self) -> bool | None:
        """Ask for the system's PowerState; one that is powering on or off counts as what it is going to be."""
        import sushy

        with self._translated():
            found = self._found().power_state
        on = {sushy.PowerState.ON: True, sushy.PowerState.POWERING_ON: True}
        return on.get(found, False) if found else None

    def on(self, *, network: bool) -> str:
        """Set the next boot's source, then switch on, or restart what runs."""
        import sushy

        source = sushy.BOOT_SOURCE_TARGET_PXE if network else sushy.BOOT_SOURCE_TARGET_HDD
        with self._translated():
            system = self._found()
            system.set_system_boot_options(target=source, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)
            runs = system.power_state != sushy.PowerState.OFF
            system.reset_system(sushy.ResetType.FORCE_RESTART if runs else sushy.ResetType.ON)
        return ""

    def off(self) -> str:
        """Switch off without asking the system that runs."""
        import sushy

        with self._translated():
            system = self._found()
            if system.power_state != sushy.PowerState.OFF:
                system.reset_system(sushy.ResetType.FORCE_OFF)
        return ""

    def _found(self) -> Any:  # noqa: ANN401 - sushy has no types
        import sushy

        root = sushy.Sushy(
            self.url,
            auth=self._auth(),
            verify=self.verify,
            server_side_retries=0,
            read_timeout=READ_TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
        )
        if self.system:
            path = self.system if "/" in self.system else f"/redfish/v1/Systems/{self.system}"
            return root.get_system(path)
        members = root.get_system_collection().get_members()
        if len(members) != 1:
            message = f"the power of {self.name}: {self.url} has {len(members)} systems"
            raise ProviderError(message, kind=Kind.INVALID, hint="say which with `system`")
        return members[0]

    def _auth(self) -> Any:  # noqa: ANN401 - sushy has no types
        from sushy import auth

        return auth.BasicAuth(self.username, secret(self.name, self.password)) if self.username else None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from requests.exceptions import RequestException
        from sushy import exceptions as sushy

        def fault(kind: Kind, error: Exception, *, retryable: bool = False, hint: str | None = None) -> ProviderError:
            words = " ".join(str(error).split())
            return ProviderError(f"the power of {self.name}: {words}", kind=kind, retryable=retryable, hint=hint)

        try:
            yield
        except sushy.AccessError as error:
            raise fault(Kind.AUTH, error, hint="check username and password of its power control") from None
        except sushy.ResourceNotFoundError as error:
            raise fault(Kind.NOT_FOUND, error, hint="check `url` and `system` of its power control") from None
        except (sushy.ConnectionError, sushy.ServerSideError, RequestException) as error:
            hint = "see that its management controller is reached from here"
            raise fault(Kind.UNAVAILABLE, error, retryable=True, hint=hint) from None
        except sushy.SushyError as error:
            raise fault(Kind.CONFLICT, error) from None
