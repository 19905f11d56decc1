"""`waypost chat` as somebody at a terminal, or a script, uses it."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, WAYPOST, ServerProcess, ended, environment
from tests.e2e.talking import MODEL, talking_server
from tests.llm_server import Answer, Fails, LlmServer

BILLING = "my card was charged twice"
SHIPPING = "where is my parcel"
SECONDS = 60


@pytest.fixture
def server(llm: LlmServer, tmp_path: Path) -> Iterator[ServerProcess]:
    with talking_server(tmp_path, llm) as running:
        yield running


def chat(address: str, said: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The whole conversation."""
    return subprocess.run(
        [*WAYPOST, "chat", "--address", address, *options],
        cwd=ROOT,
        env=environment(),
        input=said,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


HEEDS_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a command; whatever runs the tests in the background may ignore Ctrl-C, and hand that on."""


@contextmanager
def chatting(address: str) -> Iterator[subprocess.Popen[str]]:
    """A conversation that goes on."""
    with (
        subprocess.Popen(
            [sys.executable, "-c", HEEDS_CTRL_C, *WAYPOST, "chat", "--address", address],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as process,
        ended(process),
    ):
        yield process


def test_it_answers_says_who_answered_and_why(server: ServerProcess, llm: LlmServer) -> None:
    llm.script(MODEL, Answer("We pay it back."))
    said = chat(server.address, f"/why\n{BILLING}\n/why\n/quit\nnever read\n")
    assert (said.returncode, said.stderr) == (0, "")
    first, answer, who, decision, rationale, call = said.stdout.splitlines()
    assert first == "nothing has been asked yet"
    assert answer == "We pay it back."
    assert re.fullmatch(rf"billing \(confidence 0\.\d\d\), by {MODEL}, \d+\.\d s", who)
    assert decision.startswith("billing: MATCHED, confidence 0.")
    assert BILLING in rationale
    assert f"{MODEL} for billing (ANSWER): answered after " in call


def test_an_answer_commands_no_terminal(server: ServerProcess, llm: LlmServer) -> None:
    pieces = ("On its way.", "\rbilling (confidence 1)", "\x1b[2mdim\x1b[?25l", "\x9b2J", "a\r\nb")
    llm.always(MODEL, Answer("".join(pieces), pieces=pieces))
    said = subprocess.run(
        [*WAYPOST, "chat", "--address", server.address],
        cwd=ROOT,
        env=environment(),
        input=SHIPPING.encode(),
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    shown = said.stdout.decode("utf-8").split("\nshipping (confidence 0.")[0]
    wanted = r"On its way.billing (confidence 1)\u001b[2mdim\u001b[?25l\u009b2Ja"
    assert shown.split("\n") == [wanted, "b"]


def test_it_remembers_what_was_said(server: ServerProcess, llm: LlmServer) -> None:
    llm.script(MODEL, Answer("We pay it back."), Answer("On its way."))
    said = chat(server.address, f"{BILLING}\n\n{SHIPPING}\n")
    assert said.returncode == 0, said.stderr
    first, second = llm.calls
    assert first.body["messages"][-1] == {"role": "user", "content": BILLING}
    assert second.body["messages"] == [
        {"role": "system", "content": "You know about parcels.\n"},
        {"role": "user", "content": BILLING},
        {"role": "assistant", "content": "We pay it back."},
        {"role": "user", "content": SHIPPING},
    ]


def test_it_stays_with_the_specialist_until_the_topic_changes(
    llm: LlmServer, tmp_path: Path
) -> None:
    llm.always(MODEL, Answer("Shall I?"))
    with talking_server(tmp_path, llm, "stickiness: 1\n") as server:
        said = chat(server.address, f"{BILLING}\nyes, please\n/why\n{SHIPPING}\n/why\n")
    assert said.returncode == 0, said.stderr
    assert "Goes on with billing, where the conversation was (" in said.stdout
    assert "Fits shipping best, not billing, where the conversation was;" in said.stdout


def test_an_error_has_a_line_a_model_and_is_not_the_end(
    server: ServerProcess, llm: LlmServer
) -> None:
    llm.always(MODEL, lambda call: Answer("On its way.") if "parcel" in str(call) else Fails(500))
    said = chat(server.address, f"{BILLING}\n/why\n/whatever\n{SHIPPING}\n")
    assert said.returncode == 0
    head, of_billing, of_default = said.stderr.splitlines()
    assert head == "waypost: no model answered:"
    assert of_billing.startswith(f"  billing: {MODEL}: server_error: HTTP 500 ")
    assert of_default == "  default: the contract names no model that may be called"
    assert f"{MODEL} for billing (ANSWER): server_error after " in said.stdout
    assert "/whatever is no command; /why tells" in said.stdout
    assert "On its way.\nshipping (confidence 0." in said.stdout


def test_that_no_server_answers_is_a_sentence_too() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        said = chat(address, f"{BILLING}\n/why\n")
    assert (said.returncode, said.stdout) == (0, "the router did not decide\n")
    assert said.stderr.startswith(f"waypost: no server answers at {address}; start one with")


def test_for_a_program_each_line_is_an_object(server: ServerProcess, llm: LlmServer) -> None:
    llm.always(MODEL, lambda call: Answer("On its way.") if "parcel" in str(call) else Fails(500))
    said = chat(server.address, f"{BILLING}\n{SHIPPING}\n", "--json")
    assert (said.returncode, said.stderr) == (0, "")
    failed, answered = map(json.loads, said.stdout.splitlines())
    assert failed.keys() == answered.keys()
    assert (failed["query"], failed["text"], failed["model"]) == (BILLING, None, None)
    assert MODEL in failed["error"]
    assert {attempt["error"] for attempt in failed["attempts"]} == {"server_error"}
    assert answered["error"] is None
    assert (answered["text"], answered["ended"]) == ("On its way.", "answered")
    assert (answered["route"], answered["model"], answered["outcome"]) == (
        "shipping",
        MODEL,
        "MATCHED",
    )
    assert [attempt["error"] for attempt in answered["attempts"]] == [None]


async def test_ctrl_c_ends_the_answer_and_not_the_conversation(
    server: ServerProcess, llm: LlmServer
) -> None:
    llm.script(MODEL, Answer("word\n" * 1000, piece_s=0.05), Answer("On its way."))
    with chatting(server.address) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{BILLING}\n")
        assert process.stdout.readline() == "word\n"
        process.send_signal(signal.SIGINT)
        await llm.until(lambda: llm.calls[0].hung_up)
        process.stdin.write(f"{SHIPPING}\n/quit\n")
        *_, cancelled, answer, who = process.stdout.read().splitlines()
        assert process.wait(SECONDS) == 0
    assert (cancelled, answer) == ("cancelled", "On its way.")
    assert who.startswith("shipping (confidence 0.")
    # What was not answered has not been said.
    assert [message["role"] for message in llm.calls[1].body["messages"]] == ["system", "user"]


def test_without_the_extra_it_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['anyio'] = None\n"
        "from waypost_client.chat import chat; chat(prog_name='waypost chat', args=[])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == (
        "waypost: calling models needs anyio; run: pip install 'waypost[dispatch]'\n"
    )
