/**
 * Preloaded into the CLI (`node --import`): names and counts each outside operation that changes something, and ends
 * the process with SIGKILL at one of them.
 *
 * KILL_MOMENT  `before`: the operation never leaves; `during`: nobody hears its answer
 * KILL_AT      a pattern for the operation, e.g. `^7 ` or `PUT /warehouse`
 * KILL_LATER   milliseconds between the operation's start and the end, with `during`
 */
import { subscribe } from "node:diagnostics_channel";
import { writeSync } from "node:fs";
import { createRequire } from "node:module";

const { KILL_MOMENT, KILL_AT = "nothing", KILL_LATER = "20" } = process.env;
const pattern = new RegExp(KILL_AT);
const kill = () => process.kill(process.pid, "SIGKILL");
let count = 0;

function operation(description) {
  count += 1;
  const line = `${count} ${description}`;
  writeSync(2, `operation ${line}\n`);
  if (!pattern.test(line)) return;
  if (KILL_MOMENT === "before") kill();
  setTimeout(kill, Number(KILL_LATER));
}

const changes = (method) => method !== "GET" && method !== "HEAD";
subscribe("http.client.request.created", ({ request }) => {
  if (changes(request.method)) operation(`${request.method} ${request.path}`);
});
subscribe("undici:request:create", ({ request }) => {
  if (changes(request.method)) operation(`${request.method} ${request.path}`);
});

const reads = /^\s*(select (?!nextval|.*\bbranch\.(fork|publish|next_publication|fork_for_maintenance|maintain|erase)\()|begin|listen)/i;
const { Client } = createRequire("/app/ingest/src/cli.ts")("pg");
const { query } = Client.prototype;
Client.prototype.query = function counted(...words) {
  const [statement] = words;
  const text = typeof statement === "string" ? statement : (statement.text ?? "");
  if (!reads.test(text)) operation(text.trim().replace(/\s+/g, " ").slice(0, 400));
  return query.apply(this, words);
};
