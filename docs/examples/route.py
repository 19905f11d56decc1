"""Where a query goes, in ten lines: python docs/examples/route.py "Why is this join slow?"."""

import sys

import waypost_client

try:
    with waypost_client.Client("127.0.0.1:50051") as client:
        contract = client.route(" ".join(sys.argv[1:]))
except waypost_client.WaypostError as error:
    sys.exit(f"127.0.0.1:50051: {error}")

print(contract.route, f"{contract.confidence:.2f}", contract.outcome)
print(contract.rationale)
