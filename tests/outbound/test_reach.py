"""Which addresses may be reached."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.errors import InvalidInput, UpstreamFailed
from heliograph.outbound.origin import Origin, origin_of
from heliograph.outbound.reach import Reach, is_public
from tests.outbound.conftest import Names

PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::5db8:d70e", "2002:5db8:d70e::1"]
PRIVATE = [
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("168.63.129.16", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "100::1", "2001:db8::1", "2002:7f00:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("ff02::1", "2001:0:7f00:1::"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_private_in_every_disguise(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "https://127.1/", "http://2130706433/", "http://0x7f000001/", "http://017700000001/"),
        *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http:///127.0.0.1/", "http:\\\\127.0.0.1/"),
        *("http://①27.0.0.1/", "http://127.0.0.1./", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/"),
        *("http://169.254.169.254/latest/meta-data/", "http://0/"),
    ],
)
def test_a_private_address_is_refused_when_it_is_saved(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Reach().check(Origin.of(url), field="callback.url")
    assert refused.value.errors[0].code == "private_address"
    assert refused.value.errors[0].field == "callback.url"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.com/", "scheme"),
        ("example.com/callbacks", "not_an_address"),
        ("http://", "not_an_address"),
        ("http://example.com:99999/", "not_an_address"),
        ("http://user:secret@example.com/", "credentials"),
        ("http://user@example.com/", "credentials"),
    ],
)
def test_what_is_no_web_address_is_refused_with_its_rule(url: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Origin.of(url)
    assert refused.value.errors[0].code == code
    assert "secret" not in refused.value.detail


@given(
    beginning=st.sampled_from(["http://", "https://", "http:", "http:///", "http:\\\\", "HTTPS://", "ht\ntp://"]),
    rest=st.text(st.sampled_from("ab1.:@/\\?#%[]-_ \t"), max_size=12),
)
def test_the_beginning_of_an_address_decides_its_origin(beginning: str, rest: str) -> None:
    """What is remembered by the beginning never leads elsewhere than the whole, which the client reads in the end."""
    try:
        whole = Origin.of(beginning + rest)
        remembered = origin_of(beginning + rest)
    except InvalidInput:
        return
    assert remembered == whole


async def test_a_name_is_private_when_any_of_its_addresses_is(names: Names) -> None:
    names["shop.example"] = ["93.184.215.14", "10.0.0.1"]
    with pytest.raises(InvalidInput):
        await Reach().addresses(Origin.of("https://shop.example/"))
    names["shop.example"] = ["93.184.215.14", "2606:4700:4700::1111"]
    assert await Reach().addresses(Origin.of("https://shop.example/")) == ["93.184.215.14", "2606:4700:4700::1111"]


async def test_an_unknown_name_is_no_refusal(names: Names) -> None:
    with pytest.raises(UpstreamFailed) as failed:
        await Reach().addresses(Origin.of("https://nowhere.invalid/"))
    assert failed.value.code == "unknown_name"
    assert not names


@pytest.mark.parametrize(
    "entry", ["gateway.internal", "gateway.internal:8443", "10.0.0.7", "10.0.0.7:8443", " Gateway.Internal "]
)
async def test_the_operator_may_list_a_private_host(names: Names, entry: str) -> None:
    names["gateway.internal"] = ["10.0.0.7"]
    assert await Reach([entry]).addresses(Origin.of("https://gateway.internal:8443/")) == ["10.0.0.7"]


@pytest.mark.parametrize("entry", ["gateway.internal:443", "10.0.0.8", "internal", "10.0.0.7:80"])
async def test_another_host_or_port_stays_refused(names: Names, entry: str) -> None:
    names["gateway.internal"] = ["10.0.0.7"]
    with pytest.raises(InvalidInput):
        await Reach([entry]).addresses(Origin.of("https://gateway.internal:8443/"))


async def test_a_listed_address_may_be_of_ip_version_six() -> None:
    assert await Reach(["[::1]:8080"]).addresses(Origin.of("http://[::1]:8080/")) == ("::1",)
    with pytest.raises(InvalidInput):
        await Reach(["[::1]:8080"]).addresses(Origin.of("http://[::1]:8081/"))
