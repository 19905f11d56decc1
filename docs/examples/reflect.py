"""Calls a server whose .proto files nobody has here, as grpcurl does: JSON in, JSON out.

    python docs/examples/reflect.py waypost.v1.RouterService/RouteQuery '{"text": "Why slow?"}'

The server says by reflection what a call takes and gives. Needs grpcio-reflection, and no Waypost.
"""

import os
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def call(address: str, method: str, request: str) -> str:
    """The answer to a unary call, as JSON; `method` is package.Service/Method."""
    service, _, name = method.partition("/")
    with grpc.insecure_channel(address) as channel:
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        found = pool.FindServiceByName(service).FindMethodByName(name)
        question = message_factory.GetMessageClass(found.input_type)
        answer = message_factory.GetMessageClass(found.output_type)
        ask = channel.unary_unary(f"/{method}", question.SerializeToString, answer.FromString)
        said = ask(json_format.Parse(request, question(), descriptor_pool=pool), timeout=5)
    return json_format.MessageToJson(said, preserving_proto_field_name=True, descriptor_pool=pool)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: reflect.py PACKAGE.SERVICE/METHOD JSON")
    server = os.environ.get("WAYPOST_ADDRESS", "127.0.0.1:50051")
    try:
        print(call(server, *sys.argv[1:]))
    except grpc.RpcError as error:
        sys.exit(f"{server}: {error.code()}: {error.details()}")
    except (KeyError, json_format.ParseError) as error:
        sys.exit(f"{server}: {' '.join(str(error).split())}")
