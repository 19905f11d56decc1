"""What the log hears of a certificate's end; the rest is tested with real connections."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from tests.certificates import Authority
from waypost_server.core.certificate import Certificate, validity_of
from waypost_server.service.tls import ServerTls

PAIR = Authority().issue()
BEGIN, END = validity_of(PAIR.certificate)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def certificate(end: datetime = END) -> Certificate:
    return Certificate(
        chain=PAIR.certificate, key=PAIR.key, client_ca=b"", not_before=BEGIN, not_after=end
    )


class Clock:
    now = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_the_end_is_told_once_a_day_before_and_at_once_when_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    tls = ServerTls(certificate(), warn_days=2, now=clock)
    assert tls.certificate_expires_at == END
    told = []
    for before in (49, 47.9, 40, 23, 12, 0.1, -0.1, -1, -20, -25):
        caplog.clear()
        clock.now = END - before * HOUR
        tls.remind()
        told.append([record.levelno for record in caplog.records])
    warning, error = [logging.WARNING], [logging.ERROR]
    nothing: list[int] = []
    assert told == [
        nothing, warning, nothing, warning, nothing, nothing, error, nothing, nothing, error
    ]  # fmt: skip


def test_a_new_one_is_told_and_its_end_counts(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    tls = ServerTls(certificate(), warn_days=2, now=clock)
    clock.now = END - HOUR
    tls.remind()
    with caplog.at_level(logging.INFO):
        tls.replace(certificate(END + 90 * DAY))
    assert tls.certificate_expires_at == END + 90 * DAY
    assert f"it holds until {END + 90 * DAY:%Y-%m-%d %H:%M} UTC" in caplog.text
    caplog.clear()
    tls.remind()
    assert not caplog.records
