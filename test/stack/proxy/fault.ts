/** What a test asks of the proxy, and what it hears. */

export type ServiceName = "store" | "catalog" | "trino";

export interface Fault {
  service: ServiceName;
  /** reset: RST to both sides; cutoff: FIN to both; stall: nothing moves any more, on new connections neither. */
  kind: "reset" | "cutoff" | "stall";
  /** What the client sends when it happens, as it stands in the bytes: `PUT /bronze/rows`. Empty: anything. */
  at: string;
  /** A number: so many bytes, counted from the start of `at`, reach the server. `reply`: all do, the answer is lost. */
  moment: number | "reply";
  /** With `reply`, over HTTP: of the answers after `at`, on any connection, the first one with this in it is lost. */
  answer?: string;
  /** It hits the service's oldest connection, and not the one on which `at` was said: that one goes on. */
  hitsOldest?: boolean;
}

/** One JSON object per line. */
export type ProxyEvent = { event: "ready" | "armed" | "healed" | "fired" };
