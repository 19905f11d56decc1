"""Switches, to protobuf."""

from waypost.v1 import admin_pb2
from waypost_server.core.switches import Kind, Switches


def switch_messages(switches: Switches) -> list[admin_pb2.Switch]:
    """What is off, the newest first."""
    newest_first = sorted(switches.off.items(), key=lambda item: -item[1].at)
    messages = []
    for target, switch in newest_first:
        message = admin_pb2.Switch(who=switch.who, note=switch.note)
        message.at.FromMicroseconds(round(switch.at * 1_000_000))
        if target.kind is Kind.ROUTE:
            message.route = target.name
        else:
            message.model = target.name
        messages.append(message)
    return messages
