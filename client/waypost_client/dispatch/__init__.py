"""Calls the specialists that a router names: a query in, the specialist's answer out.

    async with Dispatcher("127.0.0.1:50051") as dispatcher:
        answer = await dispatcher.answer("Why does this test fail only in CI?")
        print(answer.route, answer.text)

`SyncDispatcher` has the same methods for threads. Which models answer, in which pattern, and what
an answer must pass is data of the router's routes; it comes with each contract.
"""

from waypost_client.dispatch._answer import (
    Answer,
    AnswerTooLateError,
    BlockedError,
    BrokenStreamError,
    DispatchError,
    Ended,
    NoAnswerError,
    RejectedError,
    StepAnswer,
)
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._dispatcher import Dispatcher
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._ledger import Attempt
from waypost_client.dispatch._messages import Dialogue, Message, Prompt, Role
from waypost_client.dispatch._output._guard import Finding
from waypost_client.dispatch._output._validators import Draft, Validator
from waypost_client.dispatch._providers._callable import ModelFunction
from waypost_client.dispatch._providers._provider import Finish, ModelRequest, Reply, Usage
from waypost_client.dispatch._stream import AnswerStream
from waypost_client.dispatch._sync import SyncAnswerStream, SyncDispatcher

__all__ = [
    "Answer",
    "AnswerStream",
    "AnswerTooLateError",
    "Attempt",
    "BlockedError",
    "BrokenStreamError",
    "Counts",
    "Dialogue",
    "DispatchError",
    "Dispatcher",
    "Draft",
    "Ended",
    "FailureKind",
    "Finding",
    "Finish",
    "Message",
    "ModelError",
    "ModelFunction",
    "ModelRequest",
    "NoAnswerError",
    "Prompt",
    "RejectedError",
    "Reply",
    "Role",
    "StepAnswer",
    "SyncAnswerStream",
    "SyncDispatcher",
    "Usage",
    "Validator",
]
