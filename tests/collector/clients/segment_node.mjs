// @segment/analytics-node

import { Analytics } from "@segment/analytics-node";
import { acknowledge, calls, key, url } from "./relay.mjs";

const client = new Analytics({ writeKey: key, host: url, flushInterval: 100 });

for await (const { type, ...call } of calls()) {
  client[type](call, (error) => error || acknowledge(call));
}
await client.closeAndFlush();
