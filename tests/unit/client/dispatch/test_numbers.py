import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_client.dispatch._output._numbers import card_number, iban, luhn

# Test numbers that Stripe, PayPal and Adyen publish.
CARDS = [
    "4111111111111111",
    "4242424242424242",
    "4012888888881881",
    "4222222222222",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "3530111333300000",
    "6200000000000005",
    "6759649826438453",
]

# Examples in SWIFT's IBAN registry.
IBANS = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "LC55HEMM000100010012001200023015",
    "CH9300762011623852957",
    "SA0380000000608010167519",
    "BR1800360305000010009795493C1",
]


@pytest.mark.parametrize("number", CARDS)
def test_published_test_cards_are_cards_and_no_other_last_digit_is(number: str) -> None:
    others = [number[:-1] + digit for digit in "0123456789" if digit != number[-1]]

    assert card_number(number)
    assert not any(card_number(other) for other in others)


@pytest.mark.parametrize("number", ["1700000000004", "0000000000000000", "9999999999999995"])
def test_a_number_that_passes_luhn_alone_is_no_card(number: str) -> None:
    assert luhn(number)
    assert not card_number(number)


@pytest.mark.parametrize("number", IBANS)
def test_registered_examples_are_ibans(number: str) -> None:
    assert iban(number) == len(number)
    assert iban(number + "BIC") == len(number)
    assert iban(number[:-1]) == 0


@given(st.sampled_from(IBANS), st.integers(4, 14), st.integers(1, 9))
def test_one_wrong_digit_is_no_iban(number: str, at: int, by: int) -> None:
    if not number[at].isdigit():
        return
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]

    assert iban(wrong) == 0
