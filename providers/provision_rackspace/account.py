"""Whose account: credentials from the options, the environment, or the file that pyrax's users have."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from provision.errors import Kind, ProviderError
from provision_rackspace.errors import CREDENTIALS

if TYPE_CHECKING:
    from provision_rackspace.settings import Settings

AUTH_URL = "https://identity.api.rackspacecloud.com/v2.0/"
USUAL = "~/.rackspace_cloud_credentials"


class Account(NamedTuple):
    """What to log in with, and where; `region` is "" for the account's default."""

    username: str
    api_key: str
    auth_url: str
    region: str


def find(settings: Settings, spec_dir: Path) -> Account:
    """Return the account that the options and the environment name.

    Raises:
        ProviderError: AUTH when there are no credentials, or their file cannot be read.
    """
    username, api_key = os.environ.get("RAX_USERNAME", ""), os.environ.get("RAX_API_KEY", "")
    if settings.credentials:
        username, api_key = _file(spec_dir / Path(settings.credentials).expanduser())
    elif not (username and api_key):
        username, api_key = _file(Path(os.environ.get("RAX_CREDS_FILE", USUAL)).expanduser())
    url = settings.auth_url or os.environ.get("CLOUD_AUTH_ENDPOINT") or AUTH_URL
    return Account(username, api_key, url, settings.region or os.environ.get("RAX_REGION", ""))


def _file(path: Path) -> tuple[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(), source=str(path))
        section = parser["rackspace_cloud"]
        return section["username"], section["api_key"]
    except FileNotFoundError:
        raise _unusable(f"there are no credentials: neither RAX_USERNAME with RAX_API_KEY nor {path}") from None
    except KeyError as error:
        raise _unusable(f"{path} lacks {error} (wanted: [rackspace_cloud] with username and api_key)") from None
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # A parser's message would repeat the line, and the key with it.
        raise _unusable(f"{path} cannot be read: {type(error).__name__}") from None


def _unusable(message: str) -> ProviderError:
    return ProviderError(message, kind=Kind.AUTH, code="NoCredentials", hint=CREDENTIALS)
