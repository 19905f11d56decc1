"""The file of shadow runs, whoever else writes to it and whatever happened to it."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._shadow._log import WAITING, ShadowLog, append


def line(writer: int, number: int) -> bytes:
    # Longer than a page, so that a write which is not whole would show.
    return json.dumps({"writer": writer, "number": number, "filler": "x" * 5000}).encode() + b"\n"


def write_many(path: Path, writer: int, count: int) -> None:
    for number in range(0, count, 5):
        append(path, [line(writer, number + i) for i in range(5)])


def content(path: Path) -> bytes:
    return path.read_bytes()


def move_once_there(path: Path, target: Path) -> None:
    while not path.exists() or not path.stat().st_size:
        time.sleep(0.01)
    path.rename(target)


def test_lines_of_several_processes_stay_whole(tmp_path: Path, repo: Path) -> None:
    path = tmp_path / "log"
    imports = f"import sys; from {__name__} import *"
    code = f"{imports}; write_many(Path(sys.argv[1]), int(sys.argv[2]), 200)"
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], cwd=repo)
        for n in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    seen = [json.loads(each) for each in path.read_bytes().splitlines() if each]
    assert len(seen) == 600
    for n in range(3):
        assert [each["number"] for each in seen if each["writer"] == n] == list(range(200))


def test_a_line_that_was_cut_damages_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"time": "2026-0')
    assert append(path, [b"a\n", b"b\n"]) == (2, "")
    assert path.read_bytes() == b'{"time": "2026-0\na\nb\n'


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        written, why = append(path, [b"12345\n", b"12345\n", b"12345\n"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (written, bool(why)) == (1, True)
    append(path, [b"whole\n"])
    assert path.read_bytes().splitlines()[-1] == b"whole"


async def test_a_file_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path, counts = tmp_path / "log", Counts()
    log = ShadowLog(path, counts)
    log.put(b"first\n")
    await asyncio.to_thread(move_once_there, path, tmp_path / "old")
    log.put(b"second\n")
    await log.close(5)
    assert (content(tmp_path / "old"), content(path)) == (b"first\n", b"second\n")
    assert counts.shadow_records_dropped == 0


async def test_more_than_may_wait_is_dropped_and_counted(tmp_path: Path) -> None:
    path, counts = tmp_path / "log", Counts()
    log = ShadowLog(path, counts)
    for number in range(WAITING + 3):
        log.put(b"%d\n" % number)
    await log.close(5)
    assert content(path).split() == [b"%d" % number for number in range(WAITING)]
    assert counts.shadow_records_dropped == 3


async def test_a_pipe_that_nobody_reads_holds_nobody(tmp_path: Path) -> None:
    path, counts = tmp_path / "log", Counts()
    os.mkfifo(path)
    log = ShadowLog(path, counts)
    log.put(b"x" * 100_000 + b"\n")
    await log.close(5)
    assert counts.shadow_records_dropped == 1
