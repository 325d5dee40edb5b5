"""X-Twilio-Signature, against published vectors and Twilio's own library."""

import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from heliograph.providers.protocol import ProviderRequest
from heliograph.providers.twilio.callbacks import is_signed, signature

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
FORM = "application/x-www-form-urlencoded"
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNATURE = "a9nBmqA0ju/hNViExpshrM61xv4="


def post(url: str, claimed: str, body: bytes, content_type: str = FORM) -> ProviderRequest:
    """A callback as it arrives."""
    return ProviderRequest("POST", url, {"x-twilio-signature": claimed, "content-type": content_type}, body)


@pytest.mark.parametrize(
    ("url", "form", "claimed"),
    [
        (URL, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),  # Twilio signed with :443
        (URL.replace(".com", ".com:443"), CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),  # and without
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ("http://mycompany.com/myapp.php?foo=1&bar=2", CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),  # signed with :80
        (
            URL,
            {"Sid": "CA123", "SidAccount": "AC123", "Digits": ["5678", "1234", "1234"]},
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
        (
            "https://example.com/myapp.php?foo=1&bar=2",
            {**CALL, "From": "+14158675310", "Caller": "+14158675310"},
            "L/OH5YylLD5NRKLltdqwSvS0BnU=",
        ),
    ],
)
def test_the_published_vectors_pass(url: str, form: dict[str, str | list[str]], claimed: str) -> None:
    assert is_signed(post(url, claimed, urlencode(form, doseq=True).encode()), TOKEN)


def test_a_body_that_is_no_form_is_signed_by_its_hash() -> None:
    assert is_signed(post(JSON_URL, JSON_SIGNATURE, JSON_BODY, "application/json"), TOKEN)
    assert not is_signed(post(JSON_URL, JSON_SIGNATURE, JSON_BODY + b" ", "application/json"), TOKEN)
    unhashed = signature(TOKEN, URL)
    assert not is_signed(post(URL, unhashed, JSON_BODY, "application/json"), TOKEN)


def test_any_change_is_noticed() -> None:
    body = urlencode(CALL).encode()
    right = signature(TOKEN, URL, list(CALL.items()))
    assert is_signed(post(URL, right, body), TOKEN)
    assert not is_signed(post(URL + "&more=1", right, body), TOKEN)
    assert not is_signed(post(URL, right, body + b"&More=1"), TOKEN)
    assert not is_signed(post(URL, right, body), "54321")
    assert not is_signed(post(URL, "", body), TOKEN)
    assert not is_signed(ProviderRequest("POST", URL, {}, body), TOKEN)


@given(url=st.text(), claimed=st.text(), body=st.binary(), content_type=st.sampled_from([FORM, "text/plain", ""]))
def test_nothing_a_stranger_sends_raises_or_passes(url: str, claimed: str, body: bytes, content_type: str) -> None:
    assert not is_signed(post(url, claimed, body, content_type), TOKEN)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    scheme=st.sampled_from(["http", "https"]),
    port=st.sampled_from(["", ":80", ":443", ":8080"]),
    query=st.lists(st.tuples(words.filter(bool), words), max_size=3),
    form=st.dictionaries(words.filter(bool), words, max_size=6),
)
def test_it_agrees_with_twilios_own_library(
    scheme: str, port: str, query: list[tuple[str, str]], form: dict[str, str]
) -> None:
    url = f"{scheme}://callbacks.example{port}/status?r=1&{urlencode(query)}"
    oracle = RequestValidator(TOKEN)
    claimed = oracle.compute_signature(url, form)
    request = post(url, claimed, urlencode(form).encode())
    assert is_signed(request, TOKEN)
    assert signature(TOKEN, url, list(form.items())) == claimed
    other = post(url, claimed, urlencode({**form, "Added": hashlib.md5(b"x").hexdigest()}).encode())
    assert not is_signed(other, TOKEN)
