/** A network that breaks, and a disk that is full: a clear error, nothing half visible, and a rerun completes. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { csvFile } from "./deliveries.ts";
import type { Fault, ServiceName } from "./proxy/fault.ts";
import { type FaultyNetwork, startProxy } from "./proxy/start.ts";
import { type Outcome, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let network: FaultyNetwork;

beforeAll(async () => {
  stack = await startStack("network", { overlay: "test/stack/proxy/small-store.yml" });
  stack.write("critics.yaml", "source:\n  critic_agg: critics/*.csv\n");
  network = await startProxy(stack);
  deliver();
  await expectRerunToComplete();
});
afterAll(async () => {
  await network?.stop();
  await stack?.stop();
});

const ingest = ["ingest", "--config", "critics.yaml"];
let deliveries = 0;

/** A new file with good rows and one broken record. */
function deliver(rows = ["Parasite,2019,99,9.5,475"]): void {
  deliveries += 1;
  const text = csvFile("critic_agg", [...rows, `Only In ${stack.folder} ${deliveries},2001,1,1,1`, "broken"]);
  stack.write(`critics/${String(deliveries).padStart(3, "0")}.csv`, text);
}

/** How many batches count, and how many of them have each of their rows and rejects once. */
async function countBatches(): Promise<{ count: number; whole: number }> {
  const [counts] = await stack.query(
    `WITH batch AS (
       SELECT rows_read, rows_accepted, rows_quarantined,
              (SELECT count(*) FROM bronze.critic_agg WHERE _batch_id = batch_id) AS rows,
              (SELECT count(DISTINCT _row_number) FROM bronze.critic_agg WHERE _batch_id = batch_id) AS different,
              (SELECT count(*) FROM bronze.quarantine WHERE quarantine.batch_id = batches.batch_id) AS rejects
       FROM bronze.batches WHERE source_file LIKE '${stack.folder}/%'
     )
     SELECT count(*) AS count, count_if(rows = rows_accepted AND different = rows AND rejects = rows_quarantined
                                        AND rows + rejects = rows_read) AS whole
     FROM batch`,
    "admin",
  );
  return counts as { count: number; whole: number };
}

async function expectNothingHalfDone(): Promise<void> {
  const { count, whole } = await countBatches();
  expect(whole).toBe(count);
}

async function expectRerunToComplete(): Promise<void> {
  // The server may need a moment to notice that the lock's holder is gone.
  const { code, stderr } = await network.run([...ingest, "--wait", "20"]);
  expect(code, stderr).toBe(0);
  expect(await countBatches()).toEqual({ count: deliveries, whole: deliveries });
  const states = await stack.catalogQuery(
    `select state, count(*) from ledger.batch where source_file like '${stack.folder}/%' group by state`,
  );
  expect(states).toBe(`committed|${deliveries}`);
}

/** That a command says on its last line that a service failed, and what to do: no defect's stack. */
function expectServiceError({ code, stderr }: Outcome, message: RegExp, next: RegExp): void {
  expect(code, stderr).toBe(5);
  const said = JSON.parse(stderr.trim().split("\n").at(-1) ?? "");
  expect(said).toMatchObject({
    event: "failed",
    message: expect.stringMatching(message),
    next: expect.stringMatching(next),
  });
}

interface Moment extends Pick<Fault, "at" | "answer"> {
  when: string;
  /** With two numbers: one between them, drawn for each kind of fault. */
  moment: "reply" | number | [least: number, most: number];
}

/** Early, in the middle of something, and late: the work is done, and nobody says so. */
const moments: Record<ServiceName, Moment[]> = {
  store: [
    { when: "before the first request", at: "HEAD /bronze/rows/none", moment: 0 },
    { when: "in the middle of an upload", at: "PUT /bronze/rows/", moment: [20, 2000] },
    { when: "after an upload", at: "PUT /bronze/quarantine/", moment: "reply" },
  ],
  catalog: [
    { when: "while it connects", at: "", moment: [1, 50] },
    { when: "in the middle of the claim", at: "insert into ledger.batch", moment: [1, 300] },
    { when: "after the note of what is written", at: "set state = 'written'", moment: "reply" },
  ],
  trino: [
    { when: "before the first statement", at: "POST /v1/statement", moment: 0 },
    { when: "in the middle of a registration", at: "EXECUTE add_files", moment: [1, 80] },
    {
      when: "after the commit",
      at: "INSERT INTO bronze.batches",
      moment: "reply",
      answer: '"stats":{"state":"FINISHED"',
    },
  ],
};
const services = Object.keys(moments) as ServiceName[];
const kinds = ["reset", "cutoff", "stall"] as const;

/** The same number for the same words. */
function drawn([least, most]: [number, number], words: string): number {
  return least + (createHash("sha256").update(words).digest().readUInt32BE() % (most - least + 1));
}

const momentOf = ({ moment, when }: Moment, kind: string) =>
  Array.isArray(moment) ? drawn(moment, `${kind} ${when}`) : moment;

describe.each(services.flatMap((service) => kinds.map((kind) => ({ service, kind }))))(
  "$service: $kind",
  ({ service, kind }) => {
    const cases = moments[service].map((moment) => ({ ...moment, moment: momentOf(moment, kind) }));

    it.each(cases)(
      "should end with 5 and leave nothing half done: $when, $moment",
      async ({ when, ...fault }) => {
        deliver();
        const outcome = await network.runWith({ service, kind, ...fault }, ingest);
        expectServiceError(outcome, new RegExp(`^${service}: `), /docker compose logs/);
        await expectNothingHalfDone();
      },
    );

    it("should be made up for by a rerun", expectRerunToComplete);
  },
);

describe("a connection that a run can do without", () => {
  it("should not fail it: its last note is lost", async () => {
    deliver();
    const fault = { service: "catalog", kind: "stall", at: "set finished_at", moment: "reply" } as const;
    const { code, stderr } = await network.runWith(fault, ingest);
    expect(code, stderr).toBe(0);
    expect(await countBatches()).toEqual({ count: deliveries, whole: deliveries });
  });
});

describe("the run lock", () => {
  it("should end a run that loses it, before anything is visible", async () => {
    deliver();
    const at = "insert into ledger.batch";
    const outcome = await network.runWith(
      { service: "catalog", kind: "reset", at, moment: 0, hitsOldest: true },
      ingest,
    );
    expectServiceError(outcome, /^catalog: hold the run lock: /, /docker compose logs catalog/);
    expect((await countBatches()).count).toBe(deliveries - 1);
    await expectRerunToComplete();
  });
});

describe("a full disk below the object store", () => {
  /** Leaves so many KiB of the disk free. */
  const fill = async (leaveKib: number) => {
    const free = "$(df --output=avail --block-size=1K /data | tail -n 1)";
    const fallocate = `fallocate --length $((${free} - ${leaveKib}))K /data/ballast`;
    const { code, stderr } = await stack.compose(["exec", "-T", "store", "sh", "-c", fallocate]);
    expect(code, stderr).toBe(0);
  };
  const makeRoom = async () =>
    void (await stack.compose(["exec", "-T", "store", "rm", "-f", "/data/ballast"]));

  afterEach(makeRoom);

  it("should be named when an upload meets it, and keep no table from being read", async () => {
    const title = (row: number) => createHash("sha256").update(String(row)).digest("base64");
    deliver(Array.from({ length: 150_000 }, (_, row) => `${title(row)},2019,1,1,1`));
    await fill(16_000);
    const outcome = await network.run(ingest);
    expectServiceError(outcome, /^store: put bronze\/\S+: the object store's disk is full/, /make room/);
    expect(await countBatches()).toEqual({ count: deliveries - 1, whole: deliveries - 1 });
    await makeRoom();
    await expectRerunToComplete();
  });

  it("should be named when Trino meets it, and keep no table from being read", async () => {
    deliver();
    const at = "EXECUTE add_files";
    await network.runWith({ service: "trino", kind: "reset", at, moment: 0 }, ingest);
    await fill(0);
    const outcome = await network.run([...ingest, "--wait", "20"]);
    expectServiceError(outcome, /^trino: .*: the object store's disk is full/, /make room/);
    expect(await countBatches()).toEqual({ count: deliveries - 1, whole: deliveries - 1 });
    await makeRoom();
    await expectRerunToComplete();
  });
});
