/**
 * A TCP proxy between the ingester and the services of its stack, which breaks connections at a byte of a test's choice.
 * Runs in a container on the stack's network: each line of standard input is a fault, or empty for none; standard
 * output says when it is armed and when it has happened. It ends with its input.
 *
 * Trino's TLS ends here, with Trino's own certificate, and begins anew: a fault can be told by what is said, and nobody
 * checks less.
 */
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { createSecureContext, TLSSocket, connect as tlsConnect } from "node:tls";
import { Armed } from "./armed.ts";
import type { Fault, ProxyEvent, ServiceName } from "./fault.ts";
import { type End, Link, type Service } from "./link.ts";

const ports: Record<ServiceName, number> = { store: 9000, catalog: 5432, trino: 8443 };
const certificate = readFileSync("/run/secrets/trino/server.pem");
const secureContext = createSecureContext({ key: certificate, cert: certificate });
const authority = readFileSync("/run/secrets/reelhouse/ca.crt");

const services: Record<ServiceName, Service> = {
  store: { armed: undefined, links: new Set() },
  catalog: { armed: undefined, links: new Set() },
  trino: { armed: undefined, links: new Set() },
};
const names = Object.keys(services) as ServiceName[];
const say = (event: ProxyEvent["event"]) => console.log(JSON.stringify({ event }));

function clientEnd(service: ServiceName, tcp: Socket): End {
  return { tcp, socket: service === "trino" ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp };
}

function serverEnd(service: ServiceName): End {
  const tcp = connect(ports[service], service);
  const secure = { socket: tcp, servername: service, ca: authority };
  return { tcp, socket: service === "trino" ? tlsConnect(secure) : tcp };
}

function listen(name: ServiceName): Promise<void> {
  const server = createServer((tcp) => {
    new Link(clientEnd(name, tcp), serverEnd(name), services[name]);
  });
  return new Promise((ready) => server.listen(ports[name], () => ready()));
}

/** `line`: a fault as JSON, or empty for none. */
function arm(line: string): void {
  for (const name of names) services[name].armed = undefined;
  if (line !== "") {
    const fault: Fault = JSON.parse(line);
    services[fault.service].armed = new Armed(fault, () => say("fired"));
  }
  say(line === "" ? "healed" : "armed");
}

await Promise.all(names.map(listen));
say("ready");
for await (const line of createInterface({ input: process.stdin })) arm(line);
process.exit();
