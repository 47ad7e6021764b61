import { loadingParts } from "../checks.ts";
import { type Command, commonOptions } from "../command.ts";
import { exitCode, usageError } from "../errors.ts";
import type { LoadedDelivery } from "../ledger.ts";
import { publicationNumber } from "../publish/journal.ts";
import type { Report } from "../report.ts";
import { withRun } from "../session.ts";
import { type RolledBack, rollbackStep } from "../steps.ts";

export const rollback: Command = {
  summary: "return all tables to an earlier publication, at once; undone by another rollback",
  positionals: "[PUBLICATION]   (default: the one before the newest)",
  options: {
    exclude: {
      type: "boolean",
      help: "also exclude the batches that this takes out, so that no run brings them back",
    },
    wait: commonOptions.wait,
    json: commonOptions.json,
  },
  async run(words, context) {
    const [target, ...more] = words.positionals;
    if (more.length > 0)
      throw usageError("reelhouse rollback: expected one publication", "reelhouse history lists them");
    const options = {
      target: target === undefined ? undefined : publicationNumber(target),
      exclude: words.options.exclude === true,
    };
    return withRun({ command: "rollback", parts: loadingParts, words, context }, async (run) => {
      const done = await rollbackStep(run, options);
      tell(done, context.report);
      if (words.options.json) context.print(`${JSON.stringify(summaryOf(done))}\n`);
      return exitCode.ok;
    });
  },
};

const summaryOf = ({ publication, undoing, ...batches }: RolledBack) => ({
  publication: publication.id,
  restores: undoing.to.id,
  tables: publication.tables.map(({ namespace, name, base, published }) => ({
    name: `${namespace}.${name}`,
    change: changeOf({ base, published }),
  })),
  ...batches,
});

/** What became of a table's name in the catalog. */
function changeOf({ base, published }: { base: string | null; published: string | null }): string {
  if (published === null) return "removed";
  return base === null ? "came back" : "restored";
}

function tell({ publication, undoing, returning, excluded, leaving }: RolledBack, report: Report): void {
  const { id, tables } = publication;
  const count = tables.filter(({ published }) => published !== null).length;
  report.info(
    "published",
    `publication ${id}: ${count} tables are those of publication ${undoing.to.id} again`,
    {
      publication: id,
      restores: undoing.to.id,
    },
  );
  for (const table of tables.filter(({ published }) => published === null)) {
    report.info(
      "removed",
      `${table.namespace}.${table.name} is not in publication ${undoing.to.id}: removed, its files stay`,
    );
  }
  for (const batch of excluded) report.info("excluded", `excluded: ${inWords(batch)}`, keyOf(batch));
  const warn = (event: string, what: string, unless: "exclude" | "include", batch: LoadedDelivery) => {
    const next = `unless it is ${unless}d: reelhouse batch ${unless} ${batch.batchId.slice(0, 12)}`;
    report.warn(event, `${what}: ${inWords(batch)}; ${next}`, keyOf(batch));
  };
  for (const batch of returning)
    warn("returning", "taken out, and the next run brings it back", "exclude", batch);
  for (const batch of leaving)
    warn("leaving", "brought back, and the next run leaves it out", "include", batch);
}

const inWords = ({ source, file, rows, batchId }: LoadedDelivery) =>
  `${source}: ${file}, ${rows} rows, batch ${batchId.slice(0, 12)}`;

const keyOf = ({ source, batchId }: LoadedDelivery) => ({ source, batchId });
