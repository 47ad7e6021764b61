import { allParts } from "../checks.ts";
import { type Command, type Context, commonOptions, type Words } from "../command.ts";
import { type Found, finish, look, takeOut } from "../erase/erase.ts";
import { heldFiles, openErasures, requireReady } from "../erase/ledger.ts";
import type { Selection } from "../erase/rows.ts";
import { exitCode, usageError } from "../errors.ts";
import { type Run, whileNothingIsCopied, withRun } from "../session.ts";

export const erase: Command = {
  summary: "take a person's or a film's rows out for good: tables, history, files and their old versions",
  positionals: "SOURCE...",
  options: {
    where: {
      type: "string",
      value: "SQL",
      help: "which rows, by the columns of the source's table in bronze",
    },
    text: { type: "string", value: "TEXT", help: "also its rows in quarantine that contain this text" },
    landing: { type: "boolean", help: "also the same deliveries in the bucket landing" },
    "dry-run": { type: "boolean", help: "tell what would go, and change nothing" },
    yes: { type: "boolean", help: "do it: there is no way back" },
    wait: commonOptions.wait,
    json: commonOptions.json,
  },
  async run(words, context) {
    const selection = selectionOf(words);
    const isDryRun = words.options["dry-run"] === true;
    if (isDryRun === (words.options.yes === true))
      throw usageError(
        "reelhouse erase: what it takes away does not come back: expected either --dry-run or --yes",
        "look at it first: --dry-run",
      );
    return withRun({ command: "erase", parts: allParts, words, context }, (run) =>
      isDryRun
        ? tellFound(run, selection, words)
        : whileNothingIsCopied("erase", words, run, (run) => eraseAll(run, selection, words)),
    );
  },
};

function selectionOf({ positionals: sources, options }: Words): Selection {
  const { where, text } = options;
  if (sources.length === 0 || typeof where !== "string" || where.trim() === "")
    throw usageError(
      "reelhouse erase: expected a source and --where",
      `for example: reelhouse erase critic_agg --where "movie_title = 'Parasite'" --dry-run`,
    );
  const odd = sources.find((source) => !/^[a-z][a-z0-9_]*$/.test(source));
  if (odd !== undefined)
    throw usageError(`reelhouse erase: expected the name of a source's table in bronze, found '${odd}'`);
  if (text !== undefined && (typeof text !== "string" || text.trim() === ""))
    throw usageError("reelhouse erase: --text: expected a text");
  return { sources, where, text };
}

async function tellFound(run: Run, selection: Selection, words: Words): Promise<number> {
  await requireReady(run.ledger, selection.sources);
  const found = await look(run, selection);
  await tell(found, "would ", selection, run);
  if (words.options.json) print(run, { ...found.erasure, ends: found.ends, landed: found.landed });
  return exitCode.ok;
}

async function eraseAll(run: Run, selection: Selection, { options }: Words): Promise<number> {
  await requireReady(run.ledger, selection.sources);
  const found = await look(run, selection);
  await tell(found, "", selection, run);
  if (found.erasure.batches.length > 0) await takeOut(run, selection, found.erasure);
  const { batches } = await openErasures(run.ledger);
  if (batches.length === 0) return exitCode.ok;
  const { publication, ended, versions } = await finish(run, { withLanding: options.landing === true });
  run.report.info(
    "erased",
    `erased: publication ${publication} is without the rows; ended: ${ended.join(", ")}; ${versions} versions of objects removed`,
    { publication, ended, versions },
  );
  run.report.info(
    "backups",
    "backups that were made before hold the rows: reelhouse backup DIR --drop-erased",
  );
  if (options.json) print(run, { batches, publication, ended, versions });
  return exitCode.ok;
}

const print = ({ print }: Context, result: object) => print(`${JSON.stringify(result)}\n`);

async function tell(
  { erasure: { batches, objects }, ends, landed }: Found,
  would: string,
  { sources }: Selection,
  { report, ledger }: Run,
): Promise<void> {
  if (batches.length === 0) report.info("none", "no row matches");
  for (const { source, batchId, rows, rejects } of batches) {
    const quarantined = rejects > 0 ? `, ${rejects} rows in quarantine` : "";
    report.info(
      "found",
      `${would}erase ${rows} rows${quarantined} of ${source}, batch ${batchId.slice(0, 12)}`,
    );
  }
  if (ends.length > 0)
    report.info(
      "ends",
      `${would}end the publications ${ends.join(", ")}: no rollback to them, no query as of them`,
    );
  if (objects.length > 0)
    report.info("objects", `${would}remove ${objects.length} objects of bronze, originals among them`, {
      objects,
    });
  if (landed.length > 0)
    report.warn("landed", `the same bytes lie in ${landed.join(", ")}: --landing erases them too`);
  const held = await heldFiles(ledger, sources);
  if (held.length > 0)
    report.warn("held", `not looked into, for they are held back: ${held.join(", ")}`, { held });
}
