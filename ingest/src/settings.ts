/**
 * Where the services are and how to log in: the environment, and the secrets that were generated at first start.
 * The only reader of both. Every missing name is reported at once; no value is ever part of a message.
 */
import { readFileSync } from "node:fs";
import { serviceError, usageError } from "./errors.ts";

export interface Settings {
  /** Where the host's folders are mounted in this container: `${hostRoot}/data` is the host's `/data`. */
  hostRoot: string;
  catalog: { host: string; ledgerPassword: string; publisherPassword: string; backupPassword: string };
  /** `isOurs`: it runs in the stack, with keys that were generated. */
  store: { isOurs: boolean; endpoint: string; region: string } & Record<StoreUser, StoreKeys>;
  trino: { url: string; authorityFile: string; passwords: Record<TrinoUser, string> };
  dbt: { url: string; token: string };
  /** The port on the host's loopback, and the password of its user `admin`. */
  superset: { port: number; adminPassword: string };
  /** The port on the host's loopback at which clients reach Trino. */
  trinoPort: number;
  /** The port on the host's loopback at which people's own engines read the tables' files. */
  directPort: number;
  /** How long a service may say nothing to a request before it is taken for dead. */
  silenceMs: number;
}

export interface StoreKeys {
  accessKey: string;
  secretKey: string;
}

export type StoreUser =
  | "ingest"
  | "publisher"
  | "landing"
  | "backup"
  | "restore"
  | "maintenance"
  | "erasure"
  | "direct";

/** Those that a person may act as. */
export const trinoUsers = ["admin", "bi", "dbt", "developer", "ingest"] as const;
export type TrinoUser = (typeof trinoUsers)[number] | "maintenance";

/** Throws a service error (exit 5) naming everything that is missing, exit 2 for a time that is none. */
export function loadSettings(env: NodeJS.ProcessEnv): Settings {
  const folder = env.REELHOUSE_SECRETS ?? "/run/secrets/reelhouse";
  const values = { ...readSecrets(`${folder}/env`), ...env };
  const missing: string[] = [];
  const need = (name: string): string => {
    const value = values[name];
    if (!value) missing.push(name);
    return value ?? "";
  };
  const storeKeys = (user: string): StoreKeys => ({
    accessKey: need(`S3_${user}_ACCESS_KEY`),
    secretKey: need(`S3_${user}_SECRET_KEY`),
  });
  const settings: Settings = {
    hostRoot: env.REELHOUSE_HOST_ROOT ?? "",
    catalog: {
      host: need("CATALOG_HOST"),
      ledgerPassword: need("PG_LEDGER_PASSWORD"),
      publisherPassword: need("PG_PUBLISHER_PASSWORD"),
      backupPassword: need("PG_BACKUP_PASSWORD"),
    },
    store: {
      isOurs: values.STORE !== "s3",
      endpoint: need("STORE_ENDPOINT"),
      region: need("STORE_REGION"),
      ingest: storeKeys("INGEST"),
      publisher: storeKeys("PUBLISHER"),
      landing: storeKeys("LANDING"),
      backup: storeKeys("BACKUP"),
      restore: storeKeys("RESTORE"),
      maintenance: storeKeys("MAINTENANCE"),
      erasure: storeKeys("ERASURE"),
      direct: storeKeys("DIRECT"),
    },
    trino: {
      url: need("TRINO_URL"),
      authorityFile: `${folder}/ca.crt`,
      passwords: {
        admin: need("TRINO_ADMIN_PASSWORD"),
        bi: need("TRINO_BI_PASSWORD"),
        dbt: need("TRINO_DBT_PASSWORD"),
        developer: need("TRINO_DEVELOPER_PASSWORD"),
        ingest: need("TRINO_INGEST_PASSWORD"),
        maintenance: need("TRINO_MAINTENANCE_PASSWORD"),
      },
    },
    dbt: { url: need("DBT_URL"), token: need("DBT_TOKEN") },
    superset: { port: Number(need("SUPERSET_PORT")), adminPassword: need("SUPERSET_ADMIN_PASSWORD") },
    trinoPort: Number(need("TRINO_PORT")),
    directPort: Number(need("DIRECT_PORT")),
    silenceMs: 1000 * wholeSeconds("SERVICE_TIMEOUT_SECONDS", need("SERVICE_TIMEOUT_SECONDS")),
  };
  if (missing.length > 0) {
    throw serviceError("secrets", `read ${folder}/env`, new Error(`missing: ${missing.join(", ")}`));
  }
  return Object.freeze(settings);
}

/**
 * Throws exit 2 where the keys of the object store are the user's own: one may be everybody's, and is not to be shown as
 * one that can do little.
 */
export function requireOwnKeys({ store }: Settings): void {
  if (store.isOurs) return;
  throw usageError(
    `STORE=s3: the keys of ${store.endpoint} are yours, in the file of STORE_KEYS`,
    "make a key there that may only do what it is for: docs/object-store.md",
  );
}

/** Throws exit 2 for anything but a number of seconds; an empty text is reported as missing. */
function wholeSeconds(name: string, text: string): number {
  if (text === "" || /^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw usageError(`${name}: expected a whole number of seconds from 1 to 99999, found '${text}'`);
}

/** `NAME=value` lines; values are hex, so there is nothing to quote. */
function readSecrets(file: string): Record<string, string> {
  try {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  } catch (cause) {
    throw serviceError("secrets", `read ${file}`, cause);
  }
}
