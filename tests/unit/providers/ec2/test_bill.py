"""What machines are billed for besides their size, and prices as the Price List API tells them.

The API is not among what moto emulates: a server in this process answers as its documentation and its published price
files do, and boto3 asks it. https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from provision.errors import Kind, ProviderError
from provision.provider import Billed, Context, HasExtras, HasPriceList, HasUnlabelled
from provision_ec2 import EC2, bill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESS = Billed("address", "public-ipv4")


@pytest.mark.parametrize(
    ("options", "billed"),
    [
        ({}, [ADDRESS]),
        ({"associate_public_ip": False}, []),
        ({"root_volume": {"size_gib": 20}}, [Billed("disk", "gp2", 20), ADDRESS]),
        ({"root_volume": {"type": "gp3"}}, [ADDRESS]),
        ({"root_volume": {"type": "gp3", "size_gib": 8}, "associate_public_ip": False}, [Billed("disk", "gp3", 8)]),
    ],
)
def test_what_a_machine_is_billed_for(options: dict[str, Any], billed: list[Billed]) -> None:
    assert list(bill.extras(options)) == billed


def product(attributes: dict[str, str], unit: str, price: str) -> str:
    dimension = {"unit": unit, "pricePerUnit": {"USD": price}, "description": "as the console shows it"}
    terms = {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}, "Reserved": {}}
    return json.dumps({"product": {"attributes": attributes}, "terms": terms, "serviceCode": "AmazonEC2"})


PAGES = {
    "Compute Instance": [
        [product({"instanceType": "t3.micro"}, "Hrs", "0.0104000000")],
        [product({"instanceType": "m5.large"}, "Hrs", "0.0960000000"), product({"instanceType": "x"}, "Hrs", "0.0")],
    ],
    "Storage": [[product({"volumeApiName": "gp3"}, "GB-Mo", "0.0800000000"), product({}, "GB-Mo", "9")]],
}


class PriceList(BaseHTTPRequestHandler):
    """GetProducts in AWS's JSON protocol; asked for a region that it must not be asked for, it refuses."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        filters = {f["Field"]: f["Value"] for f in asked["Filters"]}
        if filters["regionCode"] == "eu-forbidden-1":
            self._answer(400, {"__type": "AccessDeniedException", "Message": "not authorized"})
            return
        pages, number = PAGES[filters["productFamily"]], int(asked.get("NextToken", "0"))
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
        self._answer(200, {"FormatVersion": "aws_v1", "PriceList": pages[number], **more})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let boto3 find the price list on this computer."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), PriceList)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{http.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    yield
    http.shutdown()
    http.server_close()
    thread.join()


def cloud(region: str, where: Path) -> EC2:
    return EC2({"region": region}, Context(where, where, lambda: datetime(2026, 1, 2, tzinfo=UTC), where))


def test_prices_are_read_page_by_page(server: None, tmp_path: Path) -> None:
    assert cloud("eu-west-1", tmp_path).price_list() == {
        "date": "2026-01-02",
        "source": "the AWS Price List API",
        "currency": "USD",
        "regions": ["eu-west-1"],
        "sizes": {"m5.large": [0.096], "t3.micro": [0.0104]},
        "disks": {"gp3": [0.08]},
    }


def test_a_refusal_says_so(server: None, tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as refused:
        cloud("eu-forbidden-1", tmp_path).price_list()
    assert refused.value.kind is Kind.AUTH


def test_what_the_plugin_offers(tmp_path: Path) -> None:
    made = cloud("eu-west-1", tmp_path)
    assert all(isinstance(made, one) for one in (HasExtras, HasPriceList, HasUnlabelled))
