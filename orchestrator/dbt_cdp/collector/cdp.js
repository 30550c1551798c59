// Sends what happens on a page to a receiver, `cdp collect`. See docs/browser.md.
(function () {
  "use strict";

  const VERSION = "0.1.0";
  const PREFIX = "cdp_"; // of every name in the browser's storage
  const FLUSH_MS = 250;
  const SETTLE_MS = 250;
  const CONFIRM_MS = 10000;
  const TIMEOUT_MS = 30000;
  const LEAST_RETRY_MS = 1000;
  const MOST_RETRY_MS = 60000;
  const MOST_PAUSE_MS = 3600000;
  const MAX_HELD = 100;
  const MAX_QUEUED = 500;
  const MAX_QUEUED_BYTES = 256 * 1024;
  const MAX_BATCH = 50;
  const MAX_BATCH_BYTES = 59000; // all requests that outlive a page may have 64 KiB together
  const MAX_DEPTH = 20;
  const MAX_VALUES = 10000;

  if (window.cdp && window.cdp.version) return; // the page has this script twice
  const script = document.currentScript;
  let host = script && script.src ? new URL(".", script.src).href : "";
  let writeKey = "";
  let consented = null; // neither yes nor no has been said
  let wantsNoTracking = false;

  const held = []; // what was called before load() or consent(true)
  const unsent = new Set(); // names of this page's events that the network has not been given
  const warned = new Set();
  let lastTime = 0;
  let timer = null;
  let sending = Promise.resolve();
  let failures = 0;
  let retryAt = 0;

  // ---- Storage: the browser's, or memory where that is blocked or full

  const memory = new Map();
  const store = {
    get(name) {
      return memory.has(name) ? memory.get(name) : onDisk((disk) => disk.getItem(PREFIX + name));
    },
    set(name, value) {
      memory.set(name, String(value));
      onDisk((disk) => {
        disk.setItem(PREFIX + name, value);
        memory.delete(name);
      });
    },
    remove(name) {
      memory.delete(name);
      onDisk((disk) => disk.removeItem(PREFIX + name));
    },
    names(prefix) {
      const names = Array.from(memory.keys(), (name) => PREFIX + name);
      const all = names.concat(onDisk(Object.keys) || []);
      const ours = all.filter((name) => name.startsWith(PREFIX + prefix));
      return ours.map((name) => name.slice(PREFIX.length)).sort();
    },
  };

  function onDisk(action) {
    try {
      return action(localStorage);
    } catch (error) {
      return null;
    }
  }

  function anonymousId() {
    if (!store.get("anonymous_id")) store.set("anonymous_id", uuid());
    return store.get("anonymous_id");
  }

  function forgetPerson() {
    ["anonymous_id", "user_id", "traits"].forEach(store.remove);
  }

  function forgetAll() {
    forgetPerson();
    store.remove("paused_until");
    store.names("queue_").forEach(store.remove);
    held.length = 0;
    unsent.clear();
  }

  // ---- Values

  // A copy as JSON can hold it. What JSON cannot hold is left out and does not cost the event.
  function plain(read, parents = [], budget = { values: MAX_VALUES }) {
    try {
      const value = read();
      budget.values -= 1;
      if (typeof value === "bigint") return String(value);
      if (typeof value !== "object" || value === null) return value;
      if (parents.length === MAX_DEPTH || budget.values < 0) return undefined;
      // An element, or the window, would bring the whole page along.
      if (parents.includes(value) || value instanceof EventTarget) return undefined;
      const copy = (readPart) => plain(readPart, parents.concat([value]), budget);
      if (typeof value.toJSON === "function") return copy(() => value.toJSON());
      if (value instanceof Error) return { name: value.name, message: value.message };
      if (value instanceof Set) return copy(() => Array.from(value));
      if (Array.isArray(value)) return value.slice(0, MAX_VALUES).map((item) => copy(() => item));
      const isMap = value instanceof Map;
      const result = {};
      for (const key of isMap ? value.keys() : Object.keys(value)) {
        result[String(key)] = copy(() => (isMap ? value.get(key) : value[key]));
      }
      return result;
    } catch (error) {
      return undefined;
    }
  }

  function plainObject(value) {
    const copy = plain(() => value);
    return copy && typeof copy === "object" && !Array.isArray(copy) ? copy : {};
  }

  function text(value) {
    return value === undefined || value === null ? "" : String(value);
  }

  function requiredText(value, what) {
    if (!text(value)) throw new TypeError(`${what} is missing`);
    return text(value);
  }

  // identify({plan: "pro"}) and page({shelf: 3}) leave out the text before the object.
  function textAndObject(first, second) {
    const isLeftOut = typeof first === "object" && first !== null;
    return isLeftOut ? ["", plainObject(first)] : [text(first), plainObject(second)];
  }

  function byteLength(content) {
    return new TextEncoder().encode(content).length;
  }

  function uuid() {
    // crypto.randomUUID exists on https pages only.
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  function warn(message) {
    if (!warned.has(message)) console.warn(`cdp.js: ${message}`);
    warned.add(message);
  }

  function attempt(action) {
    try {
      return action();
    } catch (error) {
      return warn(String(error));
    }
  }

  // ---- The queue: every event has a name of its own, so tabs do not overwrite each other's

  function enqueue(event) {
    const content = JSON.stringify(event);
    if (byteLength(content) > MAX_BATCH_BYTES) return warn("an event is too large to be sent");
    lastTime = Math.max(Date.now(), lastTime + 1); // the names sort by time
    const name = `queue_${writeKey}:${lastTime}_${event.messageId}`;
    store.set(name, content);
    unsent.add(name);
    const names = queuedNames();
    const sizes = names.map((queued) => byteLength(text(store.get(queued))));
    let size = sizes.reduce((sum, length) => sum + length, 0);
    while (names.length > MAX_QUEUED || size > MAX_QUEUED_BYTES) {
      store.remove(names.shift());
      size -= sizes.shift();
    }
    return schedule(FLUSH_MS);
  }

  function queuedNames() {
    return store.names(`queue_${writeKey}:`);
  }

  function takeBatch(names) {
    const batch = [];
    let size = 0;
    for (const name of names) {
      const content = store.get(name);
      if (content === null) continue; // another tab has sent it
      size += byteLength(content) + 1;
      if (batch.length === MAX_BATCH || (batch.length && size > MAX_BATCH_BYTES)) break;
      batch.push({ name, content });
    }
    return batch;
  }

  function bodyOf(batch) {
    const envelope = JSON.stringify({ sentAt: new Date().toISOString(), writeKey });
    return `{"batch":[${batch.map((entry) => entry.content)}],${envelope.slice(1)}`;
  }

  // ---- Sending: text/plain, which is the type of a string, needs no preflight request

  function schedule(delay) {
    if (!timer) timer = setTimeout(flush, Math.max(delay, pause()));
  }

  function flush() {
    clearTimeout(timer);
    timer = null;
    if (!isAllowed()) return Promise.resolve();
    sending = sending.then(() => oneTabAtATime(sendQueue)).catch((error) => warn(String(error)));
    return sending;
  }

  // Any tab sends the events of all, so nothing waits for a tab that was closed; the lock keeps two
  // from sending the same. Pages by http have no locks and may do so: twice is harmless.
  function oneTabAtATime(work) {
    if (!navigator.locks) return work();
    const lock = (...how) => navigator.locks.request(`${PREFIX}send`, ...how);
    // For some milliseconds a tab may still see what another has just sent and removed.
    const workLater = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS)).then(work);
    return lock({ ifAvailable: true }, (isOurs) => (isOurs ? work() : lock(workLater))).catch(work);
  }

  async function sendQueue() {
    while (!pause()) {
      const batch = takeBatch(queuedNames());
      if (!batch.length) return;
      const ours = batch.filter((entry) => unsent.delete(entry.name));
      const response = await post(bodyOf(batch));
      if (!response || [408, 429].includes(response.status) || response.status >= 500) {
        ours.forEach((entry) => unsent.add(entry.name));
        backOff(response);
      } else {
        failures = 0;
        if (!response.ok) warn(`events were dropped for the answer ${response.status}`);
        batch.forEach((entry) => store.remove(entry.name));
      }
    }
    schedule(0);
  }

  async function post(body) {
    const patience = new AbortController();
    const deadline = setTimeout(() => patience.abort(), TIMEOUT_MS);
    const options = { method: "POST", body, keepalive: true, credentials: "omit" };
    try {
      return await fetch(`${host}/v1/batch`, Object.assign(options, { signal: patience.signal }));
    } catch (error) {
      return null;
    } finally {
      clearTimeout(deadline);
    }
  }

  function backOff(response) {
    failures += 1;
    const most = Math.min(LEAST_RETRY_MS * 2 ** failures, MOST_RETRY_MS);
    retryAt = Date.now() + LEAST_RETRY_MS + Math.random() * (most - LEAST_RETRY_MS);
    const asked = response ? response.headers.get("retry-after") : null;
    const wait = isNaN(asked) ? Date.parse(asked) - Date.now() : asked * 1000;
    if (wait > 0) store.set("paused_until", Date.now() + Math.min(wait, MOST_PAUSE_MS));
  }

  // Milliseconds for which the receiver has asked every tab to wait. A clock may be put back.
  function askedPause() {
    const left = store.get("paused_until") - Date.now();
    return left > 0 && left <= MOST_PAUSE_MS ? left : 0;
  }

  function pause() {
    return Math.max(askedPause(), Math.min(retryAt - Date.now(), MOST_RETRY_MS), 0);
  }

  // A beacon outlives the page, but nobody hears whether it arrived. So its events stay in the
  // queue, and are sent once more by whoever sends next: this page if it goes on, another tab, or
  // the next page. The warehouse keeps one row of two; an event that is lost, nobody brings back.
  // One batch is all that fits, and only of this page's own: the others' makers do the same.
  function sendByBeacon() {
    if (!isAllowed() || !unsent.size || askedPause()) return;
    const batch = takeBatch(unsent);
    if (!batch.length) return;
    batch.forEach((entry) => unsent.delete(entry.name));
    const body = bodyOf(batch);
    if (!navigator.sendBeacon || !navigator.sendBeacon(`${host}/v1/batch`, body)) post(body);
    clearTimeout(timer);
    timer = null;
    schedule(CONFIRM_MS);
  }

  // ---- Consent

  function isRefused() {
    return consented === false || wantsNoTracking;
  }

  function isAllowed() {
    return Boolean(writeKey && consented) && !isRefused();
  }

  function whenAllowed(action) {
    if (isAllowed()) return action();
    if (!isRefused() && held.push(action) > MAX_HELD) held.shift();
    return undefined;
  }

  function decide() {
    if (isRefused()) forgetAll();
    if (!isAllowed()) return;
    held.splice(0).forEach(attempt);
    schedule(FLUSH_MS);
  }

  // ---- Calls

  // The time, the page and the arguments are those of the call; who it was is known once allowed.
  function record(type, fields) {
    const messageId = uuid();
    const timestamp = new Date().toISOString();
    const context = contextOfPage();
    whenAllowed(() => {
      const own = fields(context);
      const userId = store.get("user_id") || undefined;
      const who = { type, messageId, anonymousId: anonymousId(), userId };
      enqueue(Object.assign(who, own, { timestamp, context, channel: "browser" }));
    });
  }

  function contextOfPage() {
    const campaign = {};
    new URLSearchParams(location.search).forEach((value, name) => {
      const field = name === "utm_campaign" ? "name" : name.slice("utm_".length);
      if (name.startsWith("utm_")) campaign[field] = value;
    });
    return {
      page: {
        url: location.href.split("#")[0], // what follows may be a token of a login
        path: location.pathname,
        referrer: document.referrer,
        title: document.title,
        search: location.search,
      },
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      userAgent: navigator.userAgent,
      screen: { width: screen.width, height: screen.height, density: window.devicePixelRatio },
      campaign: Object.keys(campaign).length ? campaign : undefined,
      library: { name: "cdp.js", version: VERSION },
    };
  }

  const calls = {
    load(key, given) {
      if (writeKey) return;
      const options = Object.assign({}, given);
      host = requiredText(options.host || host, "the receiver's address").replace(/\/+$/, "");
      writeKey = requiredText(key, "the write key");
      const isAsked = navigator.doNotTrack === "1" || navigator.globalPrivacyControl === true;
      wantsNoTracking = isAsked && options.respectDoNotTrack !== false;
      const isPending = "consent" in options && options.consent !== true;
      if (consented === null && !isPending) consented = true;
      decide();
    },
    page(name, properties) {
      const [title, given] = textAndObject(name, properties);
      const named = title ? { name: title } : {};
      record("page", ({ page }) =>
        Object.assign({ properties: Object.assign({}, page, named, given) }, named)
      );
    },
    track(name, properties) {
      const event = requiredText(name, "the event");
      const fields = { event, properties: plainObject(properties) };
      record("track", () => fields);
    },
    identify(userId, traits) {
      const [id, given] = textAndObject(userId, traits);
      record("identify", () => {
        const known = store.get("user_id");
        // Two people who share a browser must not become one.
        if (id && known && id !== known) forgetPerson();
        if (id) store.set("user_id", id);
        const stored = attempt(() => JSON.parse(store.get("traits")));
        const merged = Object.assign({}, stored, given);
        store.set("traits", JSON.stringify(merged));
        return { traits: merged };
      });
    },
    group(groupId, traits) {
      const fields = { groupId: requiredText(groupId, "the group"), traits: plainObject(traits) };
      record("group", () => fields);
    },
    alias(userId) {
      const id = requiredText(userId, "the user");
      record("alias", () => {
        const previousId = store.get("user_id") || anonymousId();
        store.set("user_id", id);
        return { previousId };
      });
    },
    reset() {
      whenAllowed(forgetPerson);
    },
    consent(isGiven) {
      consented = isGiven === true;
      decide();
    },
    flush,
    anonymousId() {
      return isAllowed() ? anonymousId() : null;
    },
  };

  const cdp = {
    version: VERSION,
    push(...waiting) {
      waiting.forEach((call) => attempt(() => calls[call[0]](...Array.from(call).slice(1))));
    },
  };
  Object.keys(calls).forEach((name) => {
    cdp[name] = (...args) => attempt(() => calls[name](...args));
  });

  function start() {
    const waiting = Array.isArray(window.cdp) ? window.cdp : [];
    window.cdp = cdp;
    cdp.push(...waiting);
    window.addEventListener("pagehide", sendByBeacon);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") sendByBeacon();
      else flush();
    });
  }

  // A page that is rendered before anybody has asked for it may never be seen.
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
