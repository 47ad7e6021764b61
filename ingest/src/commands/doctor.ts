import { connectCatalog } from "../catalog.ts";
import { alignedRows, type Command, commonOptions } from "../command.ts";
import { projectHash } from "../dbt.ts";
import { exitCode } from "../errors.ts";
import { loadSettings, type Settings } from "../settings.ts";
import { connectStore } from "../store.ts";
import { connectTrino } from "../trino.ts";

/** One part of the stack: the check does what the pipeline needs of it, and throws when that fails. */
interface Check {
  part: string;
  check(settings: Settings): Promise<unknown>;
}

const checks: Check[] = [
  {
    part: "catalog",
    check: async (settings) => {
      for (const role of ["ledger", "publisher"] as const) await (await connectCatalog(settings, role)).end();
    },
  },
  {
    part: "minio",
    check: async ({ store }) => {
      await connectStore(store.endpoint, store.ingest).metadataOf("bronze", "rows/none");
      await connectStore(store.endpoint, store.publisher).metadataOf("warehouse", "none/metadata/none");
    },
  },
  {
    part: "trino",
    check: (settings) => connectTrino(settings, "bi", { catalog: "lakehouse" }).query("SHOW SCHEMAS"),
  },
  { part: "dbt", check: projectHash },
];

export const doctor: Command = {
  summary: "check each part of the stack, and name the failing one and the next step",
  positionals: "",
  options: { json: commonOptions.json, quiet: { type: "boolean", help: "print only what fails" } },
  async run(words, { print, env }) {
    const settings = loadSettings(env);
    const results = await Promise.all(checks.map((check) => diagnose(check, settings)));
    const failed = results.filter(({ fault }) => fault !== null);
    if (words.options.json) print(`${JSON.stringify(results)}\n`);
    else
      print(
        alignedRows(
          (words.options.quiet ? failed : results).map((result) => [result.part, describe(result)]),
        ),
      );
    return failed.length > 0 ? exitCode.serviceDown : exitCode.ok;
  },
};

interface Diagnosis {
  part: string;
  fault: string | null;
  next: string | null;
}

async function diagnose({ part, check }: Check, settings: Settings): Promise<Diagnosis> {
  try {
    await check(settings);
    return { part, fault: null, next: null };
  } catch (error) {
    const next = `docker compose ps ${part}; docker compose logs --tail 50 ${part}; start it with ./scripts/up`;
    return { part, fault: error instanceof Error ? error.message : String(error), next };
  }
}

const describe = ({ fault, next }: Diagnosis) =>
  fault === null ? "ok" : `FAILED: ${fault}\n    next: ${next}`;
