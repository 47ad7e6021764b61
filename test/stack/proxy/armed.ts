/** The fault that the connections of a service wait for, and whether it has happened. */
import type { Fault } from "./fault.ts";
import type { Link } from "./link.ts";

export class Armed {
  readonly fault: Fault;
  /** The connection on which the client has said `at`. */
  seenOn: Link | undefined;
  #hasFired = false;
  readonly #onFired: () => void;

  constructor(fault: Fault, onFired: () => void) {
    this.fault = fault;
    this.#onFired = onFired;
  }

  fire(): void {
    this.#hasFired = true;
    this.#onFired();
  }

  get isWaiting(): boolean {
    return !this.#hasFired;
  }

  /** Nothing moves on any connection. */
  get isStalled(): boolean {
    return this.#hasFired && this.fault.kind === "stall";
  }
}
