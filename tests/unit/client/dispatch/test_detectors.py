import base64
import hashlib

import pytest

from tests.unit.client.dispatch.test_numbers import CARDS, IBANS
from waypost_client.dispatch._output._patterns import DETECTORS, Kind, found_in

ALL = frozenset({Kind.SECRET, Kind.PERSONAL_DATA})
KEY = base64.b64encode(hashlib.sha512(b"key").digest()).decode()
ALPHANUMERIC = hashlib.sha256(b"token").hexdigest() + "Zq7"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY[:64]}\n{KEY[:20]}\n-----END RSA PRIVATE KEY-----"
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
    "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
)

# What is found, by the detector; put together here, so that no scanner of code finds them.
FOUND = [
    ("aws_key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("aws_key", "ASIA" + "Y34FZKBOKMUTVV7A"),
    ("github_token", "ghp_" + ALPHANUMERIC[:36]),
    ("github_token", "gho_" + ALPHANUMERIC[:36]),
    ("github_token", "github_pat_" + ALPHANUMERIC[:22] + "_" + ALPHANUMERIC[:59]),
    ("gitlab_token", "glpat-" + ALPHANUMERIC[:20]),
    ("slack_token", "xoxb-" + "123456789012-1234567890123-" + ALPHANUMERIC[:24]),
    ("slack_token", "hooks.slack.com/services/" + "T00000000/B00000000/" + ALPHANUMERIC[:24]),
    ("google_key", "AIza" + ALPHANUMERIC[:35]),
    ("google_key", "ya29." + ALPHANUMERIC),
    ("stripe_key", "sk_live_" + ALPHANUMERIC[:24]),
    ("stripe_key", "rk_test_" + ALPHANUMERIC[:24]),
    ("stripe_key", "whsec_" + KEY[8:40]),
    ("openai_key", "sk-proj-" + ALPHANUMERIC),
    ("openai_key", "sk-" + ALPHANUMERIC[-48:]),
    ("anthropic_key", "sk-ant-" + "api03-" + ALPHANUMERIC),
    ("jwt", JWT),
    ("private_key", PEM),
    ("private_key", PEM.replace("RSA ", "")),
    ("private_key", PEM.replace("RSA ", "OPENSSH ").replace("\n", "\\n")),
    *(("card_number", number) for number in CARDS),
    ("card_number", "4111 1111 1111 1111"),
    ("card_number", "4111-1111-1111-1111"),
    ("card_number", "4111\u00a01111\u202f1111\u20111111"),
    ("card_number", "3782 822463 10005"),
    *(("iban", number) for number in IBANS),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000"),
    ("email", "jane.doe+invoices@mail.acme.co.uk"),
    ("email", "j@acme.de"),
]

# A value alone is taken out, and what it is a value of stays.
PASSWORDS = [
    ("password = '", "Tr0ub4dor&3", "'"),
    ("Password: ", "hunter2hunter2", "."),
    ("**Password:** ", "k9$wQz!7", ""),
    ('"db_password": "', "S3cr3t-Pa55", '"'),
    ("API_KEY=", "9f86d081884c7d659a2feaa0c55ad015", "\n"),
    ("aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY"[:40], ""),
    ("secret access key: ", "AbC/d&f+9hIj", ""),
    ("client secret: `", "8xT-44_qqLm", "`"),
    ("token => ", "a81bc81b-dead-4e5d-abff-90865d1e13b1", ""),
]

NOTHING = [
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "id 123e4567-e89b-12d3-a456-426614174000",
    "call +49 30 901820 or (555) 123-4567",
    "order 1234567890123456",
    "order 4111 1111 1111 1112",
    "order 4111111111111112",
    "41111111111111110000000000",
    "ratio 0.4111111111111111",
    "at 1700000000004 ms",
    'password = os.environ["PW"]',
    "password = settings.db_password2",
    "password = get_password1()",
    "password: required, at least 8 characters",
    "Password: your-password-1",
    "password=changeme123",
    "PASSWORD=${DB_PASSWORD_2}",
    "PASSWORD=$DB_PASSWORD_2",
    "password: ********",
    "token = next_token1",
    "token: https://auth.acme.org/v2/token",
    "secret: 2024-01-01",
    "the token count is 12345678",
    "AKIA" + "IOSFODNN7EXAMPL",
    "XAKIA" + "IOSFODNN7EXAMPLE",
    "ghp_short",
    "sk-learn-pipelines-for-beginners",
    "risk-adjusted-returns-for-2024-A",
    "eyJhbGciOiJIUzI1NiJ9",
    "pk_live_" + ALPHANUMERIC[:24],
    "A file that starts with -----BEGIN PRIVATE KEY----- holds a key. Keep it safe.",
    "-----BEGIN PUBLIC KEY-----\n" + KEY + "\n-----END PUBLIC KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----",
    "DE89 3704 0044 0532 0130 01",
    "DE893704004405320130001",
    "XX89370400440532013000",
    "git clone git@github.com:acme/tools.git",
    "write to you@example.com or a@b.test",
    "@decorator and a@b",
    "data:image/png;base64,iVBORw0KGgo" + base64.b64encode(bytes(range(256)) * 8).decode(),
]


def test_every_detector_has_an_example() -> None:
    shown = {name for name, _ in FOUND} | {"password"}

    assert {each.name for each in DETECTORS} == shown


@pytest.mark.parametrize(("name", "example"), FOUND)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("It is ", ", yes."), ("(é", ")\n")])
def test_examples_are_found_whole(name: str, example: str, before: str, after: str) -> None:
    text = before + example + after
    found = [
        (detector.name, text.encode()[start:end].decode())
        for detector, start, end in found_in(text.encode(), ALL)
    ]

    # A slack token's or a key's parts may look like something else too; the whole is what counts.
    assert (name, example) in found


@pytest.mark.parametrize(("before", "value", "after"), PASSWORDS)
def test_a_password_is_found_without_its_name(before: str, value: str, after: str) -> None:
    text = f"Use {before}{value}{after}"
    spans = [text[start:end] for _, start, end in found_in(text.encode(), frozenset({Kind.SECRET}))]

    assert spans == [value]


@pytest.mark.parametrize("text", NOTHING)
def test_near_misses_are_left_alone(text: str) -> None:
    found = [each.name for each, _, _ in found_in(f"So {text} it is".encode(), ALL)]

    assert found == []


def test_a_card_after_other_digits_is_found() -> None:
    text = b"customer 1234 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00 COBADEFFXXX"

    assert [(each.name, text[start:end]) for each, start, end in found_in(text, ALL)] == [
        ("card_number", b"4111 1111 1111 1111"),
        ("iban", b"DE89 3704 0044 0532 0130 00"),
    ]


def test_a_key_that_never_ends_is_found_to_the_end_of_the_text() -> None:
    text = ("Here: " + PEM[:-20] + " and so on").encode()

    assert [(start, end) for _, start, end in found_in(text, ALL)] == [(6, len(text))]


def test_only_what_is_asked_for_is_found() -> None:
    text = f"{JWT} a@acme.de".encode()

    assert [each.name for each, _, _ in found_in(text, frozenset({Kind.SECRET}))] == ["jwt"]
    assert found_in(text, frozenset()) == []
