// What the Node clients share: a call a line of stdin, an acknowledgement a line of stdout.

import { createInterface } from "node:readline";

// The collector's address and the write key.
export const [url, key] = process.argv.slice(2);

export async function* calls() {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line);
}

export function acknowledge({ userId }) {
  console.log(JSON.stringify({ acknowledged: userId }));
}
