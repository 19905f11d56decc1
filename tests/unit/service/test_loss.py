"""What is said of records that were lost."""

from waypost_server.service.loss import Loss

NOON_MS = 1_795_348_800_000


def test_it_says_how_many_from_when_to_when() -> None:
    loss = Loss()
    assert str(loss) == "no record was lost"
    loss.add([NOON_MS + 5_000, NOON_MS + 7_000, NOON_MS + 6_000])
    loss.add([NOON_MS + 90_000])
    loss.add([NOON_MS, NOON_MS + 1_000])
    assert str(loss) == ("6 records were lost, from 2026-11-22T12:00:00Z to 2026-11-22T12:01:30Z")
