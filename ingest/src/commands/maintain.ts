import { Readable } from "node:stream";
import { loadingParts } from "../checks.ts";
import { type Command, commonOptions } from "../command.ts";
import { configuredPipeline } from "../configuration.ts";
import { exitCode } from "../errors.ts";
import type { Health, Needs } from "../maintain/health.ts";
import { carryOut, foresee } from "../maintain/maintain.ts";
import { asRetentionSays, planUpkeep, type TablePlan } from "../maintain/plan.ts";
import type { Orphans } from "../maintain/sweep.ts";
import type { Report } from "../report.ts";
import { resultFormats } from "../results/formats.ts";
import { type Run, whileNothingIsCopied, withRun } from "../session.ts";
import { connectStore } from "../store.ts";

export const maintain: Command = {
  summary:
    "upkeep: compact and analyze tables that need it, end what leaves retention, remove what nobody reads",
  positionals: "",
  options: {
    "dry-run": { type: "boolean", help: "tell what would be done, and change nothing" },
    config: commonOptions.config,
    wait: commonOptions.wait,
    json: commonOptions.json,
  },
  async run(words, context) {
    const { retention } = configuredPipeline(words, context.env);
    return withRun({ command: "maintain", parts: loadingParts, words, context }, async (run) => {
      const store = connectStore(run.settings, "maintenance");
      const tools = { ledger: run.ledger, store, report: run.report };
      const plan = await planUpkeep(tools, asRetentionSays(retention));
      const done = words.options["dry-run"]
        ? {
            publication: undefined,
            leaving: plan.leaving,
            tables: plan.plans,
            orphans: await foresee(tools, plan, retention),
          }
        : await whileNothingIsCopied("maintain", words, run, (run) => carryOut(run, tools, plan, retention));
      await show(
        done,
        { isDryRun: words.options["dry-run"] === true, isJson: words.options.json === true },
        run,
      );
      return exitCode.ok;
    });
  },
};

interface Outcome {
  publication: { id: number } | undefined;
  leaving: number[];
  tables: (TablePlan & { after?: Health })[];
  orphans: Orphans;
}

async function show(
  outcome: Outcome,
  { isDryRun, isJson }: { isDryRun: boolean; isJson: boolean },
  { print, report }: Run,
): Promise<void> {
  const { publication, leaving, orphans } = outcome;
  const tables = outcome.tables.map(summaryOf);
  if (isJson)
    print(`${JSON.stringify({ publication: publication?.id ?? null, leaving, tables, orphans })}\n`);
  else for await (const text of resultFormats.table.encode(Readable.from([tableOf(tables)]))) print(text);
  tell(outcome, isDryRun ? "would " : "", report);
}

const summaryOf = ({ table, health, needs, dropped, after }: Outcome["tables"][number]) => ({
  table: table.table,
  did: actionsOf(needs),
  before: health,
  after: after ?? null,
  snapshotsUnneeded: dropped.length,
});

type Summary = ReturnType<typeof summaryOf>;

function actionsOf({ compact, manifests, analyze, expire }: Needs): string[] {
  const actions = { compact, manifests, analyze, expire };
  return Object.entries(actions).flatMap(([name, isDone]) => (isDone ? [name] : []));
}

const measures = ["files", "bytes", "deleteFiles", "manifests", "snapshots", "metadataBytes"] as const;
const headings = ["files", "bytes", "delete_files", "manifests", "snapshots", "metadata_bytes"];

const tableOf = (tables: Summary[]) => ({
  columns: ["table", "did", ...headings].map((name) => ({ name, type: "varchar" })),
  rows: tables.map(({ table, did, before, after }) => [
    table,
    did.join(", ") || null,
    ...measures.map((measure) => change(before[measure], after?.[measure])),
  ]),
});

const change = (before: number, after = before) =>
  before === after ? String(before) : `${before} -> ${after}`;

function tell({ publication, leaving, orphans }: Outcome, would: string, report: Report): void {
  if (publication)
    report.info("published", `publication ${publication.id}: upkeep`, { publication: publication.id });
  if (leaving.length > 0) {
    const numbers = leaving.join(", ");
    report.info("expired", `${would}end: publication${leaving.length > 1 ? "s" : ""} ${numbers}`, {
      leaving,
    });
  }
  for (const folder of orphans.folders)
    report.info("folder", `${would}remove the folder of a table that nothing names: ${folder}`, { folder });
  const { objects, bytes } = orphans;
  report.info("removed", `${would}remove ${objects.length} objects that nobody reads, ${bytes} bytes`, {
    objects: objects.length,
    bytes,
  });
}
