"""Each sort of store on its own: labels, repetition, refusals, who else can read, and the addresses of bodies."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provision import registry
from provision.bodies import KIND
from provision.errors import Kind
from provision.model import Change, Labels, Owner, Request, Wanted, utc_text
from provision.provider import Context
from tests.emulated.stores import directory, google, shelves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provision.model import Observed
    from provision.provider import Provider
    from tests.emulated.stores.shelves import Shelf

UID = "6f6dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
OTHER = "7a7dbb0c-5d2f-4a8e-9a9b-0d5ad6ff2a11"
LABELS = Labels("shop", UID, "", 1, "you@example.com", "2035-01-01T00:00:00Z", "0123456789abcdef")
WANTED = Wanted("shop", UID, LABELS, ())


def keeper(shelf: Shelf, **options: str) -> Provider:
    context = Context(Path(), Path(), lambda: datetime.now(UTC), Path())
    return registry.load(shelf.scheme)({**shelf.options, **options}, context)


def request(name: str = "shop-db-1-body", text: str = "{}", uid: str = UID) -> Request:
    labels = replace(LABELS, machine=name, uid=uid)
    return Request(KIND, name, "", labels, f"token-of-{name}", {"machine": name}, payload=text)


def made(store: Provider, *requests: Request) -> list[Observed]:
    outcomes = list(store.create(requests))
    assert [o.error for o in outcomes] == [None] * len(requests)
    return [o.observed for o in outcomes if o.observed]


def test_what_is_stored_is_listed_under_its_labels(shelf: Shelf) -> None:
    store = keeper(shelf)
    first, second, third = made(
        store, request(text="{1}"), request("shop-db-2-body", "{2}"), request("shop-db-1-body", "{3}", OTHER)
    )
    assert {o.id for o in store.list(None)} == {first.id, second.id, third.id}
    assert {o.id for o in store.list(Owner("shop", ""))} == {first.id, second.id, third.id}
    listed = {o.name: o for o in store.list(Owner("shop", UID))}
    assert sorted(listed) == ["shop-db-1-body", "shop-db-2-body"]
    found = listed["shop-db-1-body"]
    assert (found.kind, found.labels, found.token) == (KIND, first.labels, "token-of-shop-db-1-body")
    assert found.outputs["sha512"] == hashlib.sha512(b"{1}").hexdigest()
    assert list(store.list(Owner("other", UID))) == []
    assert list(store.list(Owner("sho", ""))) == [], "a name that begins alike is another name"


def test_to_store_again_changes_nothing(shelf: Shelf) -> None:
    store = keeper(shelf)
    once, twice = made(store, request()), made(store, request())
    assert once[0].id == twice[0].id
    assert len(list(store.list(None))) == 1
    assert len(shelf.held()) == 1


def test_labels_move_and_what_is_gone_is_gone(shelf: Shelf) -> None:
    store = keeper(shelf)
    (body,) = made(store, request(text='{"a": "ü"}'))
    assert body.labels
    (moved,) = store.change([Change(body, labels=body.labels.expiring("2036-01-01T00:00:00Z"))])
    assert moved.error is None
    (listed,) = store.list(Owner("shop", UID))
    assert listed.labels == body.labels.expiring("2036-01-01T00:00:00Z")
    assert (listed.outputs["sha512"], listed.token) == (body.outputs["sha512"], body.token)
    assert [data for data, _ in shelf.held().values()] == ['{"a": "ü"}'.encode()]
    for _ in range(2):
        (gone,) = store.delete([body])
        assert (gone.observed, gone.error) == (None, None)
    assert shelf.leaves() == []


def test_a_store_in_good_order_passes(shelf: Shelf) -> None:
    report = keeper(shelf).check(WANTED)
    assert report.findings == [], report.render()
    assert shelf.leaves() == [], "a check writes nothing"


# ---- S3


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Shelf, Any]]:
    import boto3

    with shelves.s3(tmp_path, monkeypatch) as shelf:
        client = boto3.client("s3", region_name=shelves.REGION)
        yield shelf, client
        client.close()


def found(store: Provider) -> list[str]:
    return [f.code for f in store.check(WANTED).findings]


def test_a_bucket_must_not_be_public(bucket: tuple[Shelf, Any]) -> None:
    shelf, client = bucket
    client.put_bucket_acl(Bucket=shelves.BUCKET, ACL="public-read")
    assert found(keeper(shelf)) == ["PV423"]
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    client.put_public_access_block(Bucket=shelves.BUCKET, PublicAccessBlockConfiguration=block)
    assert found(keeper(shelf)) == []


def test_a_bucket_that_is_not_there(bucket: tuple[Shelf, Any]) -> None:
    shelf, _ = bucket
    assert found(keeper(shelf, store="s3://no-such-bucket")) == ["PV424"]
    (outcome,) = keeper(shelf, store="s3://no-such-bucket").create([request()])
    assert outcome.error
    assert not outcome.error.retryable


def test_every_version_of_a_body_is_removed(bucket: tuple[Shelf, Any]) -> None:
    shelf, client = bucket
    client.put_bucket_versioning(Bucket=shelves.BUCKET, VersioningConfiguration={"Status": "Enabled"})
    store = keeper(shelf)
    (body,) = made(store, request())
    made(store, request())
    list(store.delete([body]))
    left = client.list_object_versions(Bucket=shelves.BUCKET)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


def test_signed_addresses_of_s3(bucket: tuple[Shelf, Any]) -> None:
    shelf, _ = bucket
    soon = utc_text(datetime.now(UTC) + timedelta(hours=2))
    (body,) = made(keeper(shelf), replace(request(), labels=replace(LABELS, machine="a-body", expires=soon)))
    url = urlsplit(body.outputs["url"])
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert f"/{shelves.REGION}/s3/" in query["X-Amz-Credential"], "signed for the bucket's own region"
    assert 7100 < int(query["X-Amz-Expires"]) <= 7200, "no longer than the cluster lives"
    assert shelf.fetch(body.outputs["url"]) == b"{}"
    (longer,) = made(keeper(shelf), request())
    assert parse_qs(urlsplit(longer.outputs["url"]).query)["X-Amz-Expires"] == ["604800"]
    (by_role,) = made(keeper(shelf, fetch="role"), request())
    assert by_role.outputs["url"] == f"{shelf.store}/{by_role.id}"


# ---- GCS


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Shelf, google.Google]]:
    with google.serving() as there:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", there.host)
        yield shelves.Shelf("gs", f"gs://{google.BUCKET}", dict, list), there


@pytest.mark.parametrize(
    ("settings", "members", "code"),
    [
        ({}, ["user:you@example.com"], []),
        ({}, ["allUsers"], ["PV423"]),
        ({"acl": [{"entity": "allAuthenticatedUsers"}]}, [], ["PV423"]),
        ({"iamConfiguration": {"publicAccessPrevention": "enforced"}}, ["allUsers"], []),
    ],
)
def test_a_bucket_of_google_must_not_be_public(
    cloud: tuple[Shelf, google.Google], settings: dict[str, Any], members: list[str], code: list[str]
) -> None:
    shelf, there = cloud
    there.about |= settings
    there.policy = {"bindings": [{"role": "roles/storage.objectViewer", "members": members}]}
    assert found(keeper(shelf)) == code
    there.policy_hidden = True
    assert found(keeper(shelf)) == ([] if "iamConfiguration" in settings else ["PV425"])


def test_a_lost_answer_of_google_is_asked_again(cloud: tuple[Shelf, google.Google]) -> None:
    shelf, there = cloud
    store = keeper(shelf)
    there.broken = 1
    (outcome,) = store.create([request()])
    assert outcome.error
    assert (outcome.error.kind, outcome.error.retryable) == (Kind.AMBIGUOUS, True)
    assert found(keeper(shelf, store="gs://another-bucket")) == ["PV424"]


def test_signed_addresses_of_google_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature is the one that Google's servers compute from the request: checked with the public key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from google.oauth2.service_account import Credentials

    from provision_gce import storage

    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    about = {"client_email": "a@b.iam.gserviceaccount.com", "private_key": pem, "token_uri": "https://localhost/"}
    made_of: Any = Credentials.from_service_account_info
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    bucket = storage.Storage("my-bucket")
    monkeypatch.setattr(bucket, "_known", made_of(about))
    assert bucket.can_sign()
    url = urlsplit(bucket.signed("first boot/shop", 3600))
    assert (url.netloc, url.path) == ("storage.googleapis.com", "/my-bucket/first%20boot/shop")
    text, _, signature = url.query.partition("&X-Goog-Signature=")
    query = {name: values[0] for name, values in parse_qs(text).items()}
    assert query["X-Goog-Expires"] == "3600"
    canonical = f"GET\n{url.path}\n{text}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    scope = query["X-Goog-Credential"].partition("/")[2]
    signed = f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key.public_key().verify(bytes.fromhex(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


# ---- a directory behind HTTP


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Shelf, directory.Directory]]:
    monkeypatch.setenv("PROVISION_STORE_TOKEN", "sesame")
    with directory.serving() as there:
        yield shelves.Shelf("http", there.url, dict, lambda: list(there.files)), there


def test_an_index_that_everybody_can_read_is_refused_before_a_body_is_sent(
    web: tuple[Shelf, directory.Directory],
) -> None:
    shelf, there = web
    there.careless = True
    (outcome,) = keeper(shelf).create([request()])
    assert outcome.error
    assert outcome.error.code == "PV423"
    assert not any(len(path.rpartition("/")[2]) == 64 for path in there.files)
    assert found(keeper(shelf)) == ["PV423"]


def test_without_credentials(web: tuple[Shelf, directory.Directory], monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, there = web
    monkeypatch.delenv("PROVISION_STORE_TOKEN")
    assert found(keeper(shelf)) == ["PV424"]
    (outcome,) = keeper(shelf).create([request()])
    assert outcome.error
    assert (outcome.error.kind, outcome.error.retryable) == (Kind.AUTH, False)
    monkeypatch.setenv("PROVISION_STORE_TOKEN", "guess")
    assert found(keeper(shelf)) == ["PV424"]
    assert there.files == {}


def test_an_index_that_somebody_else_wrote_meanwhile_is_read_again(web: tuple[Shelf, directory.Directory]) -> None:
    shelf, there = web
    store = keeper(shelf)
    made(store, request())
    other = json.dumps({"bodies": {"shop/x/y": {"machine": "theirs"}}}).encode()
    there.before_put.append((urlsplit(f"{there.url}/provision-shop.json").path, other))
    (outcome,) = store.create([request("shop-db-2-body", "{2}")])
    assert outcome.error
    assert (outcome.error.code, outcome.error.retryable) == ("412", True)
    made(store, request("shop-db-2-body", "{2}"))
    index = json.loads(there.files["/boot/provision-shop.json"])["bodies"]
    assert {texts["machine"] for texts in index.values()} == {"theirs", "shop-db-2-body"}


def test_a_server_that_does_not_answer(web: tuple[Shelf, directory.Directory]) -> None:
    shelf, there = web
    store = keeper(shelf)
    there.broken = 1
    (outcome,) = store.create([request()])
    assert outcome.error
    assert (outcome.error.kind, outcome.error.retryable) == (Kind.UNAVAILABLE, True)
    gone = keeper(shelf, store="http://127.0.0.1:1/boot")
    (outcome,) = gone.create([request()])
    assert outcome.error
    assert (outcome.error.kind, outcome.error.retryable) == (Kind.UNAVAILABLE, True)
    assert found(gone) == ["PV424"]
