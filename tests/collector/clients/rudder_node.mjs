// @rudderstack/rudder-sdk-node

import Analytics from "@rudderstack/rudder-sdk-node";
import { acknowledge, calls, key, url } from "./relay.mjs";

const client = new Analytics(key, {
  dataPlaneUrl: url,
  flushInterval: 100,
  // By default it gives up after 3, which is about a second.
  retryCount: 10,
  // Without one, a batch that is given up ends the process.
  errorHandler: () => {},
});

for await (const { type, ...call } of calls()) {
  client[type](call, (error) => error || acknowledge(call));
}
// A flush sends no more than one batch.
while (client.queue.length > 0) await client.flush();
