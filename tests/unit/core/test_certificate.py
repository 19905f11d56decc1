from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.certificates import DAY, Authority
from waypost_server.core.certificate import Certificate, validity_of

YEAR = 365 * DAY
AUTHORITY = Authority()
WHOLE = AUTHORITY.issue().certificate
SAID = ("it has no BEGIN CERTIFICATE", "its certificate is damaged")


@pytest.mark.parametrize("ends_in_s", [60.0, 10 * DAY, 30 * YEAR, -DAY / 2])
def test_it_says_what_a_library_for_it_says(ends_in_s: float) -> None:
    """Beyond 2049 the time is written in another way."""
    pem = AUTHORITY.issue(begins_in_s=-DAY, ends_in_s=ends_in_s).certificate
    theirs = x509.load_pem_x509_certificate(pem)
    assert validity_of(pem) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)


def test_of_a_chain_the_first_one_counts() -> None:
    leaf = AUTHORITY.issue(ends_in_s=DAY).certificate
    assert validity_of(b"a comment\n" + leaf + AUTHORITY.certificate) == validity_of(leaf)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match=r"BEGIN CERTIFICATE|damaged") as refused:
        validity_of(pem)
    assert str(refused.value) in SAID


@given(data=st.data())
def test_a_damaged_certificate_is_refused_or_read_and_nothing_else(data: st.DataObject) -> None:
    pem = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        pem[data.draw(st.integers(0, len(pem) - 1))] = data.draw(st.integers(0, 255))
    said = ""
    try:
        begins, ends = validity_of(bytes(pem))
    except ValueError as error:
        said = str(error)
    else:
        assert begins.tzinfo is ends.tzinfo is UTC
    assert said in ("", *SAID)


def test_a_certificate_shows_no_key() -> None:
    end = datetime(2030, 1, 2, tzinfo=UTC)
    shown = Certificate(chain=b"CHAIN", key=b"KEY", client_ca=b"", not_before=end, not_after=end)
    assert repr(shown) == "Certificate(not_after=2030-01-02)"
