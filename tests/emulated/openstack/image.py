"""glance: images, their content, their properties."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.emulated.openstack.http import Answer, Refusal, Request
from tests.emulated.openstack.world import OTHERS, PROJECT, World, number, stamp

Json = dict[str, Any]
READ_ONLY = frozenset(("status", "checksum", "size", "virtual_size", "owner", "created_at", "updated_at", "self"))
QCOW2 = b"QFI\xfb"


class Image:
    """Answers glance's calls on a world that holds the image `cirros`."""

    def __init__(self, world: World) -> None:
        self.world = world
        item = self._new({"id": number(), "name": "cirros", "visibility": "public", "disk_format": "qcow2"}, OTHERS)
        item.update(_content(QCOW2))

    def routes(self) -> dict[str, Any]:
        return {
            "GET /images": self._list,
            "POST /images": self._create,
            "GET /images/*": lambda r: Answer(body=self._one(r)),
            "PUT /images/*/file": self._upload,
            "PATCH /images/*": self._patch,
            "DELETE /images/*": self._delete,
        }

    def _new(self, body: Json, owner: str = PROJECT) -> Json:
        at = stamp()
        item = {
            "container_format": "bare", "size": None, "virtual_size": None, "status": "queued", "checksum": None,
            "protected": False, "min_ram": 0, "min_disk": 0, "owner": owner, "os_hidden": False, "os_hash_algo": None,
            "os_hash_value": None, "created_at": at, "updated_at": at, "tags": [], "self": f"/v2/images/{body['id']}",
            "file": f"/v2/images/{body['id']}/file", "schema": "/v2/schemas/image",
            "stores": "disk", **body,
        }  # fmt: skip
        self.world.images[item["id"]] = item
        return item

    def _one(self, request: Request) -> Json:
        found = request.path.split("/")[2]
        if found not in self.world.images:
            raise Refusal(404, "Not Found", f"No image found with ID {found}")
        return self.world.images[found]

    def _list(self, request: Request) -> Answer:
        marks = {k: v[-1] for k, v in request.query.items() if k not in ("limit", "marker")}
        found = [i for i in self.world.images.values() if all(str(i.get(k)) == v for k, v in marks.items())]
        body: Json = {"images": found, "first": "/v2/images", "schema": "/v2/schemas/images"}
        return Answer(body=body)

    def _create(self, request: Request) -> Answer:
        body = request.json
        if bad := body.keys() & READ_ONLY:
            raise Refusal(403, "Forbidden", f"Attribute '{min(bad)}' is read-only.")
        body.setdefault("id", number())
        if body["id"] in self.world.images or body["id"] in self.world.deleted_images:
            raise Refusal(409, "Conflict", f"Image ID {body['id']} already exists!")
        if body.get("visibility", "shared") == "public":
            raise Refusal(403, "Forbidden", "You are not authorized to complete publicize_image action.")
        return Answer(201, self._new(body))

    def _upload(self, request: Request) -> Answer:
        item = self._one(request)
        if item["status"] != "queued":
            message = f"Image status transition from {item['status']} to saving is not allowed"
            raise Refusal(409, "Conflict", message)
        if not request.body.startswith(QCOW2):
            raise Refusal(415, "Unsupported Media Type", "Image content does not match disk_format")
        item.update(_content(request.body))
        return Answer(204)

    def _patch(self, request: Request) -> Answer:
        item = self._one(request)
        if not request.headers.get("content-type", "").startswith("application/openstack-images-v2.1-json-patch"):
            raise Refusal(415, "Unsupported Media Type", "Unsupported Content-Type")
        for change in request.json:
            item[change["path"].removeprefix("/")] = change["value"]
        return Answer(body=item)

    def _delete(self, request: Request) -> Answer:
        item = self._one(request)
        if item["owner"] != PROJECT:
            raise Refusal(403, "Forbidden", "You are not permitted to delete this image.")
        del self.world.images[item["id"]]
        self.world.deleted_images.add(item["id"])
        return Answer(204)


def _content(data: bytes) -> Json:
    return {
        "status": "active", "size": len(data), "virtual_size": 1 << 30, "checksum": hashlib.md5(data).hexdigest(),
        "os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(data).hexdigest(),
    }  # fmt: skip
