"""The one file that knows boto3: clients, calls, and which exception means what.

The SDK's own retries are off, since the engine retries, and a retry that the engine does not see would repeat a call
whose intent has changed. Timeouts are always set. Clients may be shared by threads; making one may not
(https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients).
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from provision.errors import ProviderError, ProviderMissing
from provision_ec2 import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Json
    from provision_ec2.settings import Settings

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 60.0
"""Seconds. RunInstances of many machines answers in well under a minute; what takes longer is a lost answer."""
PRICING_REGION = "us-east-1"
"""Where the Price List API is, for the prices of all regions
(https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html)."""


class Cloud:
    """The AWS API of one region, as plain calls that raise ProviderError alone."""

    def __init__(self, settings: Settings, connections: int) -> None:
        self._settings = settings
        self._connections = connections
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    def call(self, operation: str, /, *, service: str = "ec2", **params: Any) -> Json:  # noqa: ANN401
        """Make one call, such as ``call("describe_vpcs", VpcIds=[...])``, and return its answer.

        Raises:
            ProviderError: AWS refused, or did not answer; see `errors`.
        """
        import botocore.exceptions as boto
        from botocore.parsers import ResponseParserError

        try:
            answer: Json = getattr(self._client(service), operation)(**params)
        except boto.ClientError as error:
            said = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise errors.refused(operation, said.get("Code", ""), said.get("Message", ""), status) from error
        except _never_sent() as error:
            raise errors.never_sent(str(error)) from error
        except _local() as error:
            raise errors.local(type(error).__name__, str(error)) from error
        except (boto.BotoCoreError, ResponseParserError) as error:
            raise errors.unanswered(operation, str(error)) from error
        return answer

    def pages(self, operation: str, key: str, /, **params: Any) -> Iterator[Json]:  # noqa: ANN401
        """Make a call as often as it has further pages, and yield the items of the list named `key`.

        Raises:
            ProviderError: a page could not be read; what was yielded before is incomplete.
        """
        token = ""
        while True:
            answer = self.call(operation, **params, **({"NextToken": token} if token else {}))
            yield from answer.get(key, [])
            token = answer.get("NextToken") or ""
            if not token:
                return

    def signed(self, operation: str, seconds: int, /, *, service: str, **params: Any) -> str:  # noqa: ANN401
        """Return a URL that carries the signature of one call, good for some seconds. Nothing is sent.

        Raises:
            ProviderError: there are no credentials to sign with.
        """
        import botocore.exceptions as boto

        try:
            make = self._client(service).generate_presigned_url
            url: str = make(operation, Params=params, ExpiresIn=seconds, HttpMethod="GET")
        except boto.BotoCoreError as error:
            raise errors.local(type(error).__name__, str(error)) from error
        return url

    def _client(self, service: str) -> Any:  # noqa: ANN401
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:  # noqa: ANN401
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise ProviderMissing(f"boto3 is not installed: {error}", hint="pip install 'provision[ec2]'") from error
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=self._connections,
            user_agent_extra="provision",
            signature_version="s3v4" if service == "s3" else None,  # the default signs URLs as it was done before 2014
        )
        session = boto3.Session(
            profile_name=self._settings.profile or None,
            region_name=PRICING_REGION if service == "pricing" else self._settings.region,
        )
        make: Any = session.client  # the stubs want the service's name as a literal
        endpoint = self._settings.endpoint_url if service == "ec2" else ""
        return make(service, config=config, endpoint_url=endpoint or None)


def _never_sent() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto

    return (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError)


def _local() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto

    return (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.SSOError,
        boto.ProfileNotFound,
        boto.ConfigNotFound,
        boto.NoRegionError,
        boto.InvalidRegionError,
        boto.ParamValidationError,
        boto.UnknownServiceError,
    )


def absent(error: ProviderError) -> bool:
    """Tell whether a refusal says that the thing is not there."""
    return error.code.endswith(("NotFound", "NotAttached"))
