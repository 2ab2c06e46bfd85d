"""Bodies in an S3 bucket.

Credentials and endpoint are those that the SDK finds: AWS_PROFILE, AWS_ENDPOINT_URL_S3 for a gateway that speaks S3,
and so on (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from provision.bodies import Store
from provision.errors import Kind, ProviderError
from provision_ec2.sdk import Cloud
from provision_ec2.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provision.diagnostics import Report
    from provision.model import Json, Wanted
    from provision.provider import Context

PREFIX = "provision-"
"""How the names of our metadata begin; S3 writes ``x-amz-meta-`` before them."""

EVERYBODY = ("global/AllUsers", "global/AuthenticatedUsers")
PLACE = ("payloads", "store")
UNSET = ("NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration", "AccessControlListNotSupported")


class S3Bodies(Store):
    """A bucket, or what lies in it below a prefix."""

    name: ClassVar[str] = "s3"

    def __init__(self, options: Json, context: Context) -> None:
        super().__init__(options, context)
        self.bucket, _, prefix = self.place.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self._found: Cloud | None = None
        self._lock = Lock()

    def check(self, wanted: Wanted) -> Report:
        """Look whether the bucket is there, and closed to everybody else."""
        report = super().check(wanted)
        try:
            self._call("head_bucket")
        except ProviderError as error:
            report.error("PV424", f"the bucket {self.bucket} cannot be used: {error}", path=PLACE, hint=error.hint)
            return report
        try:
            public = self._public()
        except ProviderError as error:
            message = f"it cannot be seen whether the bucket {self.bucket} is public: {error}"
            report.warning("PV425", message, path=PLACE, hint="allow s3:GetBucketAcl and s3:GetBucketPolicyStatus")
            return report
        if public:
            hint = "turn on the bucket's Block Public Access"
            report.error("PV423", f"the bucket {self.bucket} is open to everybody: {public}", path=PLACE, hint=hint)
        return report

    def put(self, key: str, data: bytes, texts: Mapping[str, str]) -> None:
        """Store an object; its metadata goes with it in the same call."""
        kind = "application/vnd.coreos.ignition+json"
        self._call("put_object", Key=self.prefix + key, Body=data, Metadata=_spelt(texts), ContentType=kind)

    def relabel(self, key: str, texts: Mapping[str, str]) -> None:
        """Copy an object onto itself, the one way in which S3 exchanges metadata."""
        whole = self.prefix + key
        source = {"Bucket": self.bucket, "Key": whole}
        self._call("copy_object", Key=whole, CopySource=source, Metadata=_spelt(texts), MetadataDirective="REPLACE")

    def objects(self, folder: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield our objects. S3's lists hold no metadata, so each costs a call of its own."""
        more: Json = {}
        while True:
            page = self._call("list_objects_v2", Prefix=self.prefix + folder, **more)
            for entry in page.get("Contents", ()):
                try:
                    head = self._call("head_object", Key=entry["Key"])
                except ProviderError as error:
                    if error.kind is Kind.NOT_FOUND or error.code == "404":  # removed meanwhile
                        continue
                    raise
                yield entry["Key"].removeprefix(self.prefix), _read(head["Metadata"])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def remove(self, key: str) -> None:
        """Remove an object; S3 calls it success when there is none. Of a versioned bucket every version goes."""
        whole = self.prefix + key
        versions = self._versions(whole)
        for version in versions or [{}]:
            self._call("delete_object", Key=whole, **version)

    def address(self, key: str, seconds: int) -> str:
        """Return the object's s3:// URL, or an https URL that is signed."""
        whole = self.prefix + key
        if self.by_role:
            return f"s3://{self.bucket}/{whole}"
        return self._cloud().signed("get_object", seconds, service="s3", Bucket=self.bucket, Key=whole)

    def _versions(self, key: str) -> list[Json]:
        status = self._call("get_bucket_versioning").get("Status")
        if not status:
            return []
        page = self._call("list_object_versions", Prefix=key)
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        return [{"VersionId": entry["VersionId"]} for entry in found if entry["Key"] == key]

    def _public(self) -> str:
        """Return by what the bucket is open to everybody, "" when it is not."""
        block = self._unless_unset("get_public_access_block").get("PublicAccessBlockConfiguration", {})
        status = self._unless_unset("get_bucket_policy_status").get("PolicyStatus", {})
        if status.get("IsPublic") and not block.get("RestrictPublicBuckets"):
            return "its policy"
        grants = self._unless_unset("get_bucket_acl").get("Grants", ())
        by_all = any(grant["Grantee"].get("URI", "").endswith(EVERYBODY) for grant in grants)
        return "its access control list" if by_all and not block.get("IgnorePublicAcls") else ""

    def _unless_unset(self, operation: str) -> Json:
        try:
            return self._call(operation)
        except ProviderError as error:
            if error.code in UNSET:
                return {}
            raise

    def _call(self, operation: str, **params: Any) -> Json:  # noqa: ANN401
        return self._cloud().call(operation, service="s3", Bucket=self.bucket, **params)

    def _cloud(self) -> Cloud:
        """Return the API of the bucket's own region, the only one whose signatures the bucket takes."""
        with self._lock:
            if self._found is None:
                asked = Cloud(Settings(), connections=1)
                answer = asked.call("head_bucket", service="s3", Bucket=self.bucket)
                settings = Settings(region=answer.get("BucketRegion", ""))
                self._found = Cloud(settings, connections=self.traits.concurrency)
            return self._found


def _spelt(texts: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + name: text for name, text in texts.items()}


def _read(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): text for name, text in metadata.items() if name.startswith(PREFIX)}
