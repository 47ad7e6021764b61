import type { RejectSummary } from "../bronze/parts.ts";
import { connectCatalog } from "../catalog.ts";
import { alignedRows, type Command, commonOptions } from "../command.ts";
import { exitCode, ReelhouseError, usageError } from "../errors.ts";
import { type HeldBatch, heldBatches, releaseBatches } from "../ledger.ts";
import { loadSettings } from "../settings.ts";

const actions = ["list", "release"] as const;
/** Fewer digits may mean another batch tomorrow. */
const leastIdLength = 8;

export const batch: Command = {
  summary: "deliveries that are held back: list them, release one to load it as it is",
  positionals: "list | release ID",
  options: { json: commonOptions.json },
  async run({ options, positionals: [action, id, ...more] }, { print, env, report }) {
    if (
      !actions.some((known) => known === action) ||
      more.length > 0 ||
      (action === "list") !== (id === undefined)
    ) {
      throw usageError(
        "reelhouse batch: expected 'list' or 'release ID'",
        "reelhouse batch list shows the ids",
      );
    }
    const ledger = await connectCatalog(loadSettings(env), "ledger");
    try {
      if (id === undefined) {
        const batches = await heldBatches(ledger);
        print(options.json ? `${JSON.stringify(batches)}\n` : describe(batches));
        return exitCode.ok;
      }
      const released = await releaseBatches(ledger, requireId(id));
      if (released.length === 0) throw notHeld(id);
      for (const { source, sourceFile } of released) {
        report.info("released", `${source}: ${sourceFile}: the next run loads it as it is`, { source, id });
      }
      if (options.json) print(`${JSON.stringify(released)}\n`);
      return exitCode.ok;
    } finally {
      await ledger.end();
    }
  },
};

function requireId(id: string): string {
  if (/^[0-9a-f]{8,64}$/.test(id)) return id;
  throw usageError(`expected at least ${leastIdLength} hexadecimal digits of a batch's id, found '${id}'`);
}

const notHeld = (id: string) =>
  new ReelhouseError(`no held batch has an id that begins with ${id}`, exitCode.failed, {
    next: "see which are held: reelhouse batch list",
  });

function describe(batches: HeldBatch[]): string {
  if (batches.length === 0) return "nothing is held back\n";
  return alignedRows(
    batches.map(({ batchId, source, file, heldAt, hold }) => [
      batchId.slice(0, 12),
      [
        `${source}: ${file}, since ${heldAt.toISOString().slice(0, 16)}Z`,
        hold.reason,
        ...examplesOf(hold),
        `next: ${hold.next}`,
      ].join("\n    "),
    ]),
  );
}

const examplesOf = ({ details }: HeldBatch["hold"]) =>
  ((details.examples ?? []) as RejectSummary["examples"]).map(
    ({ lineNumber, reason, raw }) => `line ${lineNumber}, ${reason}: ${JSON.stringify(raw)}`,
  );
