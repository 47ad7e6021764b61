/** All commands, in the order in which `reelhouse --help` lists them. */
import type { Command } from "../command.ts";
import { batch } from "./batch.ts";
import { credentials } from "./credentials.ts";
import { diff } from "./diff.ts";
import { doctor } from "./doctor.ts";
import { exportCommand } from "./export.ts";
import { history } from "./history.ts";
import { land } from "./land.ts";
import { mounts } from "./mounts.ts";
import { build, ingest, run } from "./pipeline.ts";
import { quarantine } from "./quarantine.ts";
import { rollback } from "./rollback.ts";
import { secrets } from "./secrets.ts";
import { source } from "./source.ts";
import { sql } from "./sql.ts";
import { status } from "./status.ts";

export const commands = {
  run,
  ingest,
  build,
  export: exportCommand,
  land,
  sql,
  history,
  diff,
  rollback,
  status,
  source,
  batch,
  quarantine,
  doctor,
  credentials,
  mounts,
  secrets,
} satisfies Record<string, Command>;
