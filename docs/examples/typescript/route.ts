// Asks a running server where a query goes: npm start -- "Why does this test fail only in CI?"
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { Action, Outcome } from "./stubs/waypost/v1/contract_pb.js";
import { RouterService } from "./stubs/waypost/v1/router_pb.js";

const address = process.env.WAYPOST_ADDRESS ?? "127.0.0.1:50051";
const text = process.argv[2] ?? "Why does this test fail only in CI?";
const router = createClient(
  RouterService,
  createGrpcTransport({ baseUrl: `http://${address}`, defaultTimeoutMs: 2000 }),
);

try {
  const { contract } = await router.routeQuery({ text });
  if (contract === undefined) throw new Error("the answer has no contract");
  const { route, confidence, rationale, specialist } = contract;
  console.log(`route:      ${route} (${Outcome[contract.outcome]}, ${Action[contract.action]})`);
  console.log(`confidence: ${confidence.toFixed(2)}`);
  console.log(`rationale:  ${rationale}`);
  console.log(`models:     ${specialist?.models.map((model) => model.name).join(", ") || "none named"}`);
} catch (error) {
  const { code, rawMessage } = ConnectError.from(error);
  const hint = code === Code.Unavailable ? "; start a server with: make serve" : "";
  console.error(`${address}: ${Code[code]}: ${rawMessage}${hint}`);
  process.exitCode = 1;
}
