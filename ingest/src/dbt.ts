/** The dbt container: asked over HTTP to build and test a branch, it answers with one JSON line per event. */
import type { ChangedBatches } from "./changes.ts";
import { serviceError } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** One finished node of a build, as dbt reports it. */
export interface NodeResult {
  /** dbt's unique id, e.g. `model.reelhouse.movies_unified`. */
  id: string;
  kind: "model" | "test" | "unit_test" | "snapshot" | "seed" | "operation";
  name: string;
  /** Where a model's table is. */
  schema: string;
  status: "success" | "pass" | "warn" | "fail" | "error" | "skipped" | "partial success";
  message: string | null;
  failures: number | null;
  seconds: number;
  /** Ids of what it reads. */
  depends_on: string[];
}

export interface BuildResult {
  success: boolean;
  /** Why dbt could not even run; null when it did. */
  exception: string | null;
  nodes: NodeResult[];
  seconds: number;
  /** Of dbt's packages, by name. */
  versions: Record<string, string>;
}

type Event = { event: "progress"; message: string } | ({ event: "result" } & BuildResult);

/** The sha256 of the project that the container would build: models, tests, macros and versions. */
export async function projectHash(settings: Settings): Promise<string> {
  const answer = await call(settings, "GET", "/project");
  return ((await answer.json()) as { sha256: string }).sha256;
}

/** Ends a build whose client was killed, and answers when nothing of it runs. Only under the run lock. */
export async function stopBuild(settings: Settings): Promise<void> {
  await call(settings, "POST", "/stop");
}

/** What dbt shall do. */
export interface BuildWork {
  /** Trino's, of the branch. */
  catalog: string;
  part: "models" | "tests";
  unitTests: boolean;
  /** Only the films of these are computed; undefined: everything is. */
  changed?: ChangedBatches | undefined;
  /** Compare the columns that each model gives with its contract first. Needed once for a project. */
  checkContracts: boolean;
  signal: AbortSignal;
}

/**
 * Builds the models on a branch, or tests them. When `signal` aborts, or this process ends, the connection breaks and the container stops its
 * build. Throws a service error when the container dies half way: nothing was published then.
 */
export async function build(
  settings: Settings,
  { catalog, part, unitTests, changed, checkContracts, signal }: BuildWork,
  onProgress: (message: string) => void,
): Promise<BuildResult> {
  const variables = { changed_batches: changed ?? null, check_contracts: checkContracts };
  const request = { catalog, part, unit_tests: unitTests, variables };
  const answer = await call(settings, "POST", "/build", request, signal);
  try {
    for await (const event of jsonLines(answer)) {
      if (event.event === "result") return event;
      // An empty message only says that the build is alive.
      if (event.message) onProgress(event.message);
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw serviceError("dbt", "build", cause);
  }
  throw serviceError(
    "dbt",
    "build",
    new Error("the container ended before the build did; nothing was published"),
  );
}

async function call(
  settings: Settings,
  method: "GET" | "POST",
  path: string,
  body?: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Response> {
  const answer = await fetch(settings.dbt.url + path, {
    method,
    headers: { authorization: `Bearer ${settings.dbt.token}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
    ...(signal ? { signal } : {}),
  }).catch((cause) => {
    // fetch says only "fetch failed"; its cause says why.
    throw signal?.aborted ? signal.reason : serviceError("dbt", `${method} ${path}`, cause.cause ?? cause);
  });
  if (!answer.ok) {
    throw serviceError(
      "dbt",
      `${method} ${path}`,
      new Error(`${answer.status}: ${(await answer.text()).trim()}`),
    );
  }
  return answer;
}

async function* jsonLines(answer: Response): AsyncGenerator<Event> {
  let rest = "";
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}
