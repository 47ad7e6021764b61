/**
 * All commands, in the order in which `reelhouse --help` lists them. Each is loaded when it is asked for: a command that
 * needs neither Trino's client nor the store's starts in a third of the time.
 */
import type { Command } from "../command.ts";

export const commands = {
  run: async () => (await import("./pipeline.ts")).run,
  ingest: async () => (await import("./pipeline.ts")).ingest,
  build: async () => (await import("./pipeline.ts")).build,
  export: async () => (await import("./export.ts")).exportCommand,
  land: async () => (await import("./land.ts")).land,
  sql: async () => (await import("./sql.ts")).sql,
  history: async () => (await import("./history.ts")).history,
  diff: async () => (await import("./diff.ts")).diff,
  rollback: async () => (await import("./rollback.ts")).rollback,
  branch: async () => (await import("./branch.ts")).branch,
  maintain: async () => (await import("./maintain.ts")).maintain,
  erase: async () => (await import("./erase.ts")).erase,
  status: async () => (await import("./status.ts")).status,
  source: async () => (await import("./source.ts")).source,
  batch: async () => (await import("./batch.ts")).batch,
  quarantine: async () => (await import("./quarantine.ts")).quarantine,
  backup: async () => (await import("./backup.ts")).backup,
  restore: async () => (await import("./restore.ts")).restore,
  "recover-catalog": async () => (await import("./recover-catalog.ts")).recoverCatalogCommand,
  doctor: async () => (await import("./doctor.ts")).doctor,
  connect: async () => (await import("./connect.ts")).connect,
  credentials: async () => (await import("./credentials.ts")).credentials,
  user: async () => (await import("./user.ts")).user,
  rotate: async () => (await import("./rotate.ts")).rotate,
  idle: async () => (await import("./idle.ts")).idle,
  mounts: async () => (await import("./mounts.ts")).mounts,
  secrets: async () => (await import("./secrets.ts")).secrets,
} satisfies Record<string, () => Promise<Command>>;
