import { connectCatalog, takeRunLock } from "../catalog.ts";
import { loadingParts, requireHealthy } from "../checks.ts";
import { type Command, commonOptions } from "../command.ts";
import { exitCode } from "../errors.ts";
import { type Recovered, type RecoverTools, recoverCatalog } from "../recover/recover.ts";
import { recoverCommand } from "../recover/state.ts";
import { newRunId } from "../session.ts";
import { loadSettings } from "../settings.ts";

export const recoverCatalogCommand: Command = {
  summary: "make the catalog anew from the object store alone, when PostgreSQL's volume is lost",
  positionals: "",
  options: { json: commonOptions.json },
  async run(words, { env, print, report, signal }) {
    const settings = loadSettings(env);
    const runId = newRunId();
    const request = { command: recoverCommand, runId, waitSeconds: 0, signal };
    await using lock = await takeRunLock(settings, request);
    await requireHealthy(settings, loadingParts);
    const recovered = await recover({
      settings,
      report,
      runId,
      signal: AbortSignal.any([signal, lock.signal]),
    });
    const { publication, publications, tables, batches, unfinishedErasures } = recovered;
    const state = publication === undefined ? "nothing was published" : `publication ${publication}`;
    const parts = `${tables} tables, ${publications} publications, ${batches} deliveries`;
    report.info("recovered", `${state}: ${parts} are known again`);
    if (unfinishedErasures.length > 0)
      report.warn(
        "erasure_unfinished",
        `an erasure from ${unfinishedErasures.join(", ")} is not finished: give its command once more`,
        { sources: unfinishedErasures },
      );
    if (words.options.json) print(`${JSON.stringify(recovered)}\n`);
    return exitCode.ok;
  },
};

async function recover(tools: Omit<RecoverTools, "ledger">): Promise<Recovered> {
  const ledger = await connectCatalog(tools.settings, "ledger");
  try {
    return await recoverCatalog({ ...tools, ledger });
  } finally {
    await ledger.end();
  }
}
