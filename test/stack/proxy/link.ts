/** A client's connection and the one to its service. */
import type { Socket } from "node:net";
import type { Armed } from "./armed.ts";
import type { Fault } from "./fault.ts";
import { bodyText, Finder } from "./text.ts";

/** A socket as it is used, and the TCP socket below its TLS, which alone can be reset. */
export interface End {
  socket: Socket;
  tcp: Socket;
}

/** What the connections of one service share. */
export interface Service {
  armed: Armed | undefined;
  /** Oldest first. */
  links: Set<Link>;
}

export class Link {
  readonly #client: End;
  readonly #server: End;
  readonly #service: Service;
  /** Looks for `at` of the fault that is armed. */
  #finder: { armed: Armed; request: Finder } | undefined;
  #answer: Buffer = Buffer.alloc(0);
  /** How many more bytes of the client's reach the server. */
  #allowance = Number.POSITIVE_INFINITY;
  #isBroken = false;

  constructor(client: End, server: End, service: Service) {
    this.#client = client;
    this.#server = server;
    this.#service = service;
    service.links.add(this);
    client.socket.on("data", (chunk: Buffer) => this.#fromClient(chunk));
    server.socket.on("data", (chunk: Buffer) => this.#fromServer(chunk));
    client.socket.on("close", () => {
      service.links.delete(this);
      // The server hears of a client that is gone after all that it was sent.
      server.socket.end();
    });
    server.socket.on("close", () => {
      if (!this.#isMute) client.socket.end();
    });
    // What breaks is what the test wants to see; the other side is told by `close`.
    for (const socket of [client.socket, client.tcp, server.socket, server.tcp])
      socket.on("error", () => undefined);
  }

  get #isMute(): boolean {
    return this.#isBroken || this.#service.armed?.isStalled === true;
  }

  #fromClient(chunk: Buffer): void {
    if (this.#isMute) return;
    const { armed } = this.#service;
    if (armed?.isWaiting) this.#lookFor(armed, chunk);
    this.#pass(chunk.subarray(0, this.#allowance), this.#client.socket, this.#server.socket);
    this.#allowance -= Math.min(chunk.length, this.#allowance);
    if (armed?.isWaiting && this.#allowance === 0) this.#fire(armed);
  }

  #lookFor(armed: Armed, chunk: Buffer): void {
    if (armed.seenOn) return;
    if (this.#finder?.armed !== armed) this.#finder = { armed, request: new Finder(armed.fault.at) };
    const start = this.#finder.request.find(chunk);
    if (start === undefined) return;
    armed.seenOn = this;
    const { moment, hitsOldest } = armed.fault;
    if (hitsOldest) this.#fire(armed);
    else if (moment !== "reply") this.#allowance = Math.max(0, start + moment);
  }

  #fromServer(chunk: Buffer): void {
    if (this.#isMute) return;
    const { armed } = this.#service;
    if (armed?.isWaiting && this.#isLost(chunk, armed)) this.#fire(armed);
    else this.#pass(chunk, this.#server.socket, this.#client.socket);
  }

  #isLost(chunk: Buffer, { seenOn, fault: { moment, answer } }: Armed): boolean {
    if (!seenOn || moment !== "reply") return false;
    if (answer === undefined) return seenOn === this;
    this.#answer = Buffer.concat([this.#answer, chunk]);
    return bodyText(this.#answer).includes(answer);
  }

  #fire(armed: Armed): void {
    armed.fire();
    const [oldest] = this.#service.links;
    const hit = armed.fault.hitsOldest ? oldest : this;
    hit?.break(armed.fault);
  }

  break({ kind, moment }: Fault): void {
    if (kind === "stall") return;
    this.#isBroken = true;
    if (kind === "reset") this.#client.tcp.resetAndDestroy();
    else this.#client.socket.end();
    // An answer is lost when the server has done its work; a reset could undo that.
    if (kind === "reset" && moment !== "reply") this.#server.tcp.resetAndDestroy();
    else this.#server.socket.end();
  }

  #pass(chunk: Buffer, from: Socket, to: Socket): void {
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => from.resume());
  }
}
