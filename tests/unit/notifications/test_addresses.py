"""Which addresses a merchant may have us call."""

from __future__ import annotations

import pytest

from orchestrator.notifications.addresses import AddressRefused, destination, is_public

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "192.0.1.1", "172.32.0.1"]
INNER = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # a metadata service within the shared address space
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700:4700::1111%eth0",
    "not an address",
    "",
]

REFUSED_URLS = [
    ("http://hooks.shop.example/", "https://"),
    ("ftp://hooks.shop.example/", "https://"),
    ("HTTPS:hooks.shop.example", "public host name"),
    ("https://hooks.shop.example:8443/", "443"),
    ("https://hooks.shop.example:80/", "443"),
    ("https://hooks.shop.example:0/", "443"),
    ("https://hooks.shop.example:99999/", "no address"),
    ("https://user@hooks.shop.example/", "user name"),
    ("https://user:pw@hooks.shop.example/", "user name"),
    ("https://@hooks.shop.example/", "user name"),
    ("https://hooks.shop.example@127.0.0.1/", "user name"),
    ("https://hooks.shop.example/#part", "fragment"),
    ("https://hooks.shop.example\\@127.0.0.1/", "printable"),
    ("https://hooks.shop.example/ x", "printable"),
    ("https://hooks.shop.example/\r\nhost: x", "printable"),
    ("https://hooks.shöp.example/", "printable"),
    ("https://" + "a" * 2000 + ".example/", "2000"),
    ("https://127.0.0.1/", "no IP address"),
    ("https://8.8.8.8/", "no IP address"),
    ("https://2130706433/", "no IP address"),
    ("https://0x7f000001/", "no IP address"),
    ("https://0x7f.0.0.1/", "no IP address"),
    ("https://0177.0.0.1/", "no IP address"),
    ("https://017700000001/", "no IP address"),
    ("https://127.1/", "no IP address"),
    ("https://127.0.0.1./", "no IP address"),
    ("https://10.0.0.0x1/", "no IP address"),
    ("https://[::1]/", "no IP address"),
    ("https://[::ffff:127.0.0.1]/", "no IP address"),
    ("https://[fd00:ec2::254]/", "no IP address"),
    ("https://[fe80::1%25eth0]/", "no IP address"),
    ("https://[::1/", "no address"),
    ("https://localhost/", "public host name"),
    ("https://metadata/", "public host name"),
    ("https://instance-data/", "public host name"),
    ("https:///path", "public host name"),
    ("https://-a.example/", "public host name"),
    ("https://a..example/", "public host name"),
    ("https://%6c%6f%63alhost/", "public host name"),
    ("https://metadata.google.internal/computeMetadata/v1/", "inner network"),
    ("https://db.cluster.local/", "inner network"),
    ("https://api.localhost/", "inner network"),
    ("https://router.home.arpa/", "inner network"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_is_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", INNER)
def test_any_other_address_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(("url", "reason"), REFUSED_URLS, ids=[url[:60] for url, _ in REFUSED_URLS])
def test_an_address_that_is_not_https_to_a_public_name_is_refused_with_its_remedy(url: str, reason: str) -> None:
    with pytest.raises(AddressRefused, match=reason):
        destination(url)


def test_the_parts_of_a_good_address_are_kept_as_they_are() -> None:
    found = destination("https://Hooks.Shop.example/a%2Fb?x=1&y=%20")
    assert (found.host, found.port, found.target) == ("hooks.shop.example", 443, "/a%2Fb?x=1&y=%20")
    assert found.authority == "hooks.shop.example"


def test_the_root_is_meant_where_no_path_is_given() -> None:
    assert destination("https://xn--hks-ula.shop.example?x").target == "/?x"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/x", "http://localhost:9000/x", "http://[::1]:9000/x"])
def test_the_demo_may_call_this_machine_and_nothing_else_without_tls(url: str) -> None:
    assert destination(url, allow_loopback=True).port == 9000
    for other in ("http://10.0.0.1:9000/", "http://hooks.shop.example/", "https://169.254.169.254/"):
        with pytest.raises(AddressRefused):
            destination(other, allow_loopback=True)
