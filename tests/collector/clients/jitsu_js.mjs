// @jitsu/js

import { jitsuAnalytics } from "@jitsu/js";
import { acknowledge, calls, key, url } from "./relay.mjs";

// It resolves whatever the answer was; the answer itself tells.
function fetchFor(call) {
  return async (...request) => {
    const response = await fetch(...request);
    if (response.ok) acknowledge(call);
    return response;
  };
}

let count = 0;
for await (const call of calls()) {
  // A client for each call: it keeps traits and group, which are those of one person.
  const client = jitsuAnalytics({
    host: url,
    // It takes no key that is not of two parts.
    writeKey: `jitsu:${key}`,
    // Another path for the same; every kind of call takes both in turn.
    s2s: count++ % 3 === 0,
    fetch: fetchFor(call),
  });
  const { userId, anonymousId, groupId, event, properties, traits } = call;
  const options = { userId, anonymousId };
  const make = {
    identify: () => client.identify(userId, traits, options),
    track: () => client.track(event, properties, options),
    page: () => client.page(properties, options),
    group: () => client.group(groupId, traits, options),
  };
  make[call.type]();
}
