"""Requests as bytes: the generator neither writes nor reads a message while it measures."""

from waypost.v1 import router_pb2

SERVICE = router_pb2.DESCRIPTOR.services_by_name["RouterService"].full_name
METHOD = "RouteQuery"


def request_of(text: str) -> bytes:
    """A RouteQueryRequest."""
    return router_pb2.RouteQueryRequest(text=text).SerializeToString()
