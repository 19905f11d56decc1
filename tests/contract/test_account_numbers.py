"""The server's log and the client's output guard take the same numbers for account numbers."""

from hypothesis import given
from hypothesis import strategies as st

from waypost_client.dispatch._output import _numbers
from waypost_server.core import account_numbers

DIGITS = st.text("0123456789", max_size=24)
COUNTRIES = st.sampled_from(sorted(account_numbers.IBAN_LENGTHS))


@given(DIGITS)
def test_check_digits_hold_for_both_or_for_neither(digits: str) -> None:
    assert account_numbers.luhn(digits) == _numbers.luhn(digits)


@given(COUNTRIES, st.text("ABCXYZ0123456789", max_size=34))
def test_an_iban_is_one_to_both_whatever_follows_it(country: str, rest: str) -> None:
    with_check = next(
        (
            whole
            for check in range(98)
            if account_numbers.iban_length(whole := f"{country}{check:02}{rest}")
        ),
        country + rest,
    )
    assert account_numbers.iban_length(with_check) == _numbers.iban(with_check)
