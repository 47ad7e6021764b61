/**
 * Lost machines and lost databases: a backup while everything works, its restore, the catalog made anew from the object
 * store alone, and the volumes of another release. Before that another engine reads what will be lost.
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cellsOf, comparable, readWithPyIceberg } from "./backup/iceberg.ts";
import { contents, emptyCatalog, recoverable } from "./backup/state.ts";
import { filesWith } from "./backup/texts.ts";
import { type Catalog, otherCatalog, secretNames } from "./backup/upgrade.ts";
import { dieAt, killed } from "./cli.ts";
import { csvFile, deliver } from "./deliveries.ts";
import { documented } from "./documented.ts";
import { objectAt } from "./publications/objects.ts";
import { published, type Readings, readings, readingsAsOf } from "./publications/readings.ts";
import { type Row, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let folder: string;
/** What readers saw of each publication, by its number. */
const seen = new Map<number, Readings>();

const json = async (words: string[]) => JSON.parse((await stack.succeed([...words, "--json"])).stdout);
const history = async () => (await json(["history"])) as Row[];
/** As a user does: the script mounts the folder, and pipes the rows of the database. */
const script = (words: string[]) => stack.script("reelhouse", words);
/** The place of backups, as the pages name it. */
const films = "/srv/backups/films";
const restore = () => script(documented("restore /srv/backups/films", { [films]: folder }));
async function backup(words: string[] = [], to = folder) {
  const command = documented("backup /srv/backups/films --json", { [films]: to });
  const { code, stdout, stderr } = await script([...command, ...words]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}
const loadCritics = () => stack.succeed(["ingest", "--config", "critics.yaml", "--wait", "120"]);

beforeAll(async () => {
  stack = await startStack("backup", { hasSmallModels: true, keepsCli: true });
  folder = join(stack.folder, "backups");
  stack.write("critics.yaml", "source:\n  critic_agg: critics/*.csv\n");
  await stack.succeed(["run", "--no-export"]);
  deliver(stack, { critic_agg: csvFile("critic_agg", ["Parasite,2019,1,1,1", "Bad,2001,1,1,1", "broken"]) });
  await stack.succeed(["run", "--no-export"]);
  await stack.succeed(["rollback", "--exclude"]);
  stack.write("critics/again.csv", csvFile("critic_agg", ["Again,2001,1,1,1"]));
  await loadCritics();
  await stack.succeed(["ingest", "--config", "critics.yaml", "--again", "critics/again.csv"]);
  stack.write("held/critics.csv", "title,year\nHeld,2001\n");
  stack.write("held.yaml", "source:\n  critic_agg: held/*.csv\n");
  expect((await stack.reelhouse(["ingest", "--config", "held.yaml"])).code).toBe(3);
  await stack.succeed(["land", "critics/again.csv", "--to", "drop"]);
  await objectAt(stack, "PUT", "landing/drop/empty.csv");
});
afterAll(() => stack?.stop());

/** Each publication so far as of its tag, the first ones as of their time too. */
async function look(): Promise<Map<number, Readings>> {
  const ids = (await history()).map(({ id }) => Number(id));
  const first = ids.filter((id) => id <= 3);
  const times = await Promise.all(first.map((id) => published(stack, id)));
  const found = await readingsAsOf(stack, [
    ...ids.map((id) => `FOR VERSION AS OF 'pub_${id}'`),
    ...times.map((time) => `FOR TIMESTAMP AS OF ${time}`),
  ]);
  const tagged = new Map(ids.map((id, index) => [id, found[index] ?? {}]));
  expect(found.slice(ids.length), "as of their times").toEqual(first.map((id) => tagged.get(id)));
  return tagged;
}

describe("PyIceberg", () => {
  it("should see the same rows, tags and as-of answers as Trino", async () => {
    const times = await stack.catalogQuery(
      "select floor(extract(epoch from published_at) * 1000) from branch.publication order by id",
    );
    const [first = 0, second = 0] = times.split("\n").map(Number);
    const moments = [first - 1, first, second - 1, second];
    const tables = await readWithPyIceberg(stack, moments);
    expect(Object.keys(tables).sort()).toEqual(Object.keys(await readings(stack)));
    for (const [name, { tags, answers }] of Object.entries(tables)) {
      const [schema, table] = name.split(".");
      const refs = await stack.query(
        `SELECT name FROM ${schema}."${table}$refs" WHERE type = 'TAG' ORDER BY 1`,
      );
      expect(tags, name).toEqual(refs.map((ref) => ref.name));
      expect(tags).toEqual(["pub_1", "pub_2", "pub_3"]);
      expect(answers[first - 1], "before the first publication").toBeNull();
      for (const [moment, answer] of Object.entries(answers)) {
        if (answer === null) continue;
        const rows = await stack.query(`SELECT * FROM ${name} ${versionOf(moment)}`);
        expect(comparable(answer.rows), `${name} ${moment}`).toEqual(
          comparable(cellsOf(rows, answer.columns)),
        );
      }
    }
  });

  function versionOf(moment: string): string {
    if (moment === "now") return "";
    return moment.startsWith("pub_")
      ? `FOR VERSION AS OF '${moment}'`
      : `FOR TIMESTAMP AS OF from_unixtime_nanos(${moment}000000)`;
  }
});

describe("a backup", () => {
  it("should belong to the caller, and hold no secret", async () => {
    const { path, count, newCount } = await backup();
    expect(newCount).toBe(count);
    const { uid } = statSync(stack.folder);
    expect(statSync(join(path, "manifest.json")).uid).toBe(uid);
    const { rows } = await contents(path);
    const secrets = Object.values(await stack.secrets("cli"));
    expect(secrets.filter((secret) => rows.some((row) => row.includes(secret)))).toEqual([]);
  });

  it("should copy what is new, while loads, rollbacks and queries go on", async () => {
    let isAtWork = true;
    let loads = 0;
    const loading = (async () => {
      while (loads < 2 || (isAtWork && loads < 6)) {
        loads += 1;
        stack.write(`critics/${loads}.csv`, csvFile("critic_agg", [`Load ${loads},2001,1,1,1`]));
        await loadCritics();
        await stack.succeed(["rollback", "--wait", "120"]);
      }
    })();
    const reading = (async () => {
      while (isAtWork) await readings(stack);
    })();
    const { count, newCount, removed } = await backup([
      ...["--wait", "60"],
      ...documented("backup /srv/backups/films --keep 30", { 30: "1" }).slice(2),
    ]);
    isAtWork = false;
    await Promise.all([loading, reading]);
    expect(newCount).toBeLessThan(count / 2);
    expect(removed.backups).toHaveLength(1);
    for (const [id, tables] of await look()) seen.set(id, tables);
  });

  it("should exclude maintenance, erasure and another backup", async () => {
    const holder = stack
      .catalogQuery("set application_name = 'another one'; select pg_advisory_lock(7237), pg_sleep(120)")
      .catch(() => undefined);
    const holds = () => stack.catalogQuery("select count(*) from pg_locks where objid = 7237");
    await expect.poll(holds, { timeout: 30_000 }).toBe("1");
    const erase = ["erase", "critic_agg", "--where", "movie_title = 'nobody'", "--yes"];
    for (const words of [["backup", folder], ["maintain"], erase]) {
      const { code, stderr } = await script(words);
      expect(code, stderr).toBe(6);
      expect(stderr).toContain("another backup or maintenance is active: another one");
    }
    await stack.catalogQuery(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'another one'",
    );
    await holder;
  });

  it("should not be restored over what is there", async () => {
    const { code, stderr } = await restore();
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("the lakehouse is not empty");
    expect(await look()).toEqual(seen);
  });

  it.each([
    [["backup"], "expected a folder"],
    [["backup", "backups", "--keep", "0"], "expected a number of backups from 1 on"],
    [["restore"], "expected a folder"],
    [["restore", "nowhere"], "nowhere: no such folder"],
    [["restore", "data"], "there is no backup"],
    [["restore", "backups", "20010101T000000000Z"], "there is no backup 20010101T000000000Z"],
  ])("should be named as it is: %s", async (words, says) => {
    const { code, stderr } = await script(words);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(says);
  });
});

describe("an erasure and the backups before it", () => {
  const film = "Load 1";
  const erase = ["erase", "critic_agg", "--where", `movie_title = '${film}'`, "--yes"];
  let path = "";

  beforeAll(async () => {
    ({ path } = await backup(["--keep", "1"]));
    expect(await filesWith(folder, film)).not.toEqual([]);
  });

  it("should be known again when PostgreSQL is lost after the erasure began, and be finished by its command", async () => {
    const { code, stderr } = await dieAt(stack, { moment: "before", at: "POST /build" }, erase);
    expect(code, stderr).toBe(killed);
    const before = await recoverable(stack);
    const refused = await script(documented("backup /srv/backups/films --drop-erased", { [films]: folder }));
    expect(refused.code, refused.stderr).toBe(1);
    expect(refused.stderr).toContain("an erasure from critic_agg is not finished");
    await emptyCatalog(stack);
    expect(await json(["recover-catalog"])).toMatchObject({ unfinishedErasures: ["critic_agg"] });
    expect(await recoverable(stack)).toEqual(before);
    expect((await json(erase)).batches).toMatchObject([{ source: "critic_agg", rows: 1 }]);
    // What a recovery loses.
    expect((await stack.reelhouse(["ingest", "--config", "held.yaml"])).code).toBe(3);
  });

  it("should leave no backup that holds the rows, and a new one", async () => {
    const warned = await script(documented("backup /srv/backups/films", { [films]: folder }));
    expect(warned.stderr).toContain("made before rows were erased, and hold them: --drop-erased removes");
    expect(await filesWith(folder, film)).not.toEqual([]);
    const { name, removed } = await backup(["--drop-erased"]);
    expect(removed.backups).toEqual([path.split("/").at(-1)]);
    expect(await filesWith(folder, film)).toEqual([]);
    const left = readdirSync(folder).filter((entry) => entry.endsWith("Z"));
    expect(left).toHaveLength(2);
    expect(left).toContain(name);
    seen.clear();
    for (const [id, tables] of await look()) seen.set(id, tables);
  });
});

describe("a restore, all volumes lost", () => {
  const newest = () =>
    join(
      folder,
      readdirSync(folder)
        .filter((name) => name.endsWith("Z"))
        .sort()
        .at(-1) ?? "",
    );
  const isEmpty = () => stack.catalogQuery("select branch.is_empty()");
  let ids: number[];

  beforeAll(async () => {
    await stack.forgetContainers();
    expect((await stack.script("down", ["--delete-data"], { input: "yes\n" })).code).toBe(0);
    const { code, stderr } = await stack.script("up", ["--empty"]);
    expect(code, stderr).toBe(0);
  });

  it("should be refused for a damaged backup, and for one of a newer release", async () => {
    const copies = join(stack.folder, "damaged");
    cpSync(folder, copies, { recursive: true });
    const name = newest().split("/").at(-1) ?? "";
    const manifest = join(copies, name, "manifest.json");
    const original = readFileSync(manifest, "utf8");
    const newer = original.replace(
      '"migrations": [',
      '"migrations": [{"name": "999_newer.sql", "sha256": ""},',
    );
    writeFileSync(manifest, newer);
    const refused = await script(["restore", copies]);
    expect(refused.code, refused.stderr).toBe(3);
    expect(refused.stderr).toContain("was written by a newer release");
    writeFileSync(manifest, original);
    writeFileSync(join(copies, name, "catalog.sql.gz"), "cut");
    expect((await script(["restore", copies])).stderr).toContain("the backup is damaged");
    rmSync(copies, { recursive: true });
    expect(await isEmpty()).toBe("t");
  });

  it("should stop at an object that is not what it was, and go on when it is", async () => {
    const { objects } = await contents(newest());
    const sha256 =
      objects
        .find((line) => line.includes("_publications/1.json"))
        ?.split(" ")
        .at(-1) ?? "";
    const file = readdirSync(join(folder, "objects"), { recursive: true }).find((path) =>
      `${path}`.endsWith(sha256),
    );
    const path = join(folder, "objects", `${file}`);
    const original = readFileSync(path);
    writeFileSync(path, Buffer.from(original).fill("x", 0, 1));
    const { code, stderr } = await restore();
    expect(code, stderr).toBe(3);
    expect(stderr).toContain("the backup is damaged");
    expect(await isEmpty()).toBe("t");
    writeFileSync(path, original);
    const name = newest().split("/").at(-1) ?? "";
    const restored = await script(
      documented("restore /srv/backups/films 20261127T180500123Z", {
        ...{ [films]: folder, "20261127T180500123Z": name },
      }),
    );
    expect(restored.code, restored.stderr).toBe(0);
  });

  it("should be the same in every row of the database and every object", async () => {
    const before = await contents(newest());
    const { path } = await backup([], join(stack.folder, "second"));
    expect(await contents(path)).toEqual(before);
  });

  it("should give the same history, rows and time travel", async () => {
    const found = await look();
    ids = [...found.keys()];
    expect(ids.length).toBeGreaterThanOrEqual(3);
    for (const [id, tables] of found) expect(tables, `pub_${id}`).toEqual(seen.get(id));
  });

  it("should know the files that it had, load those that came later, and be undone like before", async () => {
    const [visible] = await stack.query(
      "SELECT count(DISTINCT source_file) AS files FROM bronze.batches WHERE source_file LIKE '%/critics/%'",
      "admin",
    );
    const result = JSON.parse((await stack.succeed(["ingest", "--config", "critics.yaml", "--json"])).stdout);
    expect(result.known.length).toBe(visible?.files);
    expect(result.known.length + result.loaded.length).toBe(
      readdirSync(join(stack.folder, "critics")).length,
    );
    const [critics] = await stack.query(
      `SELECT count(*) AS rows, count(DISTINCT movie_title) AS films FROM bronze.critic_agg
       JOIN bronze.batches ON batch_id = _batch_id WHERE movie_title LIKE 'Load %'`,
      "admin",
    );
    expect(critics?.rows).toBe(critics?.films);
    const last = Math.max(...ids);
    const undone = await json(["rollback", "2"]);
    expect(undone).toMatchObject({ publication: last + 1, restores: 2 });
    expect(await readings(stack)).toEqual(seen.get(2));
    // What came after the backup is lost, and its number is given away anew.
    seen.clear();
    for (const [id, tables] of await look()) seen.set(id, tables);
  });
});

describe("recover-catalog, PostgreSQL's volume lost", () => {
  let before: Record<string, string>;

  beforeAll(async () => {
    // It leaves newer metadata on a fork that was never published: without rows, and with the batches counted less.
    const erase = ["erase", "critic_agg", "--where", "movie_title = 'Again'", "--yes"];
    const { code: died } = await dieAt(stack, { moment: "before", at: "branch.erase" }, erase);
    expect(died).toBe(killed);
    before = await recoverable(stack);
    await stack.forgetContainers();
    await stack.compose(["down"]);
    await stack.run("docker", ["volume", "rm", `${stack.project}_catalog`]);
    const { code, stderr } = await stack.compose(["up", "--detach", "--wait", "store", "catalog", "trino"]);
    expect(code, stderr).toBe(0);
  });

  it("should be asked for by a load, which would begin a second lakehouse", async () => {
    const { code, stderr } = await stack.reelhouse(["ingest", "--config", "critics.yaml"]);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("the catalog is empty, and the object store has publications");
    expect(stderr).toContain("reelhouse recover-catalog");
  });

  it("should let nothing be loaded while it is half done, and go on", async () => {
    const death = { moment: "before", at: "insert into ledger.batch" } as const;
    const { code, stderr } = await dieAt(stack, death, ["recover-catalog"]);
    expect(code, stderr).toBe(killed);
    const refused = await stack.reelhouse(["ingest", "--config", "critics.yaml"]);
    expect(refused.code, refused.stderr).toBe(1);
    expect(refused.stderr).toContain("finish it: reelhouse recover-catalog");
  });

  it("should bring back pointers, journal and ledger as they were", async () => {
    const recovered = await json(documented("recover-catalog"));
    expect(recovered).toMatchObject({ publication: Math.max(...seen.keys()), publications: seen.size });
    expect(await recoverable(stack)).toEqual(before);
    expect(await look()).toEqual(seen);
  });

  it("should be refused where there is a catalog", async () => {
    const { code, stderr } = await stack.reelhouse(["recover-catalog"]);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("recovery refused: the lakehouse is not empty");
  });

  it("should add nothing of the same files, count on from the last load order, and be undone", async () => {
    const result = JSON.parse((await stack.succeed(["ingest", "--config", "critics.yaml", "--json"])).stdout);
    expect(result.loaded).toEqual([]);
    stack.write("critics/last.csv", csvFile("critic_agg", ["Last,2001,1,1,1"]));
    await loadCritics();
    const isNewest =
      "select source_file like '%last.csv' from ledger.batch order by load_order desc nulls last limit 1";
    expect(await stack.catalogQuery(isNewest)).toBe("t");
    await stack.succeed(documented("rollback 1"));
    expect(await readings(stack)).toEqual(seen.get(1));
  });
});

describe("the volumes of another release", () => {
  let catalog: Catalog;
  let dump: string;
  const history =
    "select id, kind, new_metadata_location from branch.publication join branch.publication_table on id = publication_id";

  beforeAll(async () => {
    catalog = otherCatalog(stack);
  });
  afterAll(() => catalog?.remove());

  it("should start with data, history and secrets kept, when it is older", async () => {
    const secrets = await catalog.leaveSecrets();
    await catalog.leaveObject(secrets, "bronze/originals/critic_agg/kept", "kept");
    await catalog.withMigrations("007_undo.sql", {}, async (old) => {
      await old.query(`
        insert into iceberg.iceberg_tables values ('lakehouse', 'gold', 'films', 's3://warehouse/a', null, 'TABLE');
        insert into branch.publication values (1, 'build', 'run', now(), 'f', '[]', '{}');
        insert into branch.publication_table (publication_id, table_namespace, table_name, new_metadata_location)
        values (1, 'gold', 'films', 's3://warehouse/a')`);
      dump = await old.run("pg_dump", ["--data-only", "--exclude-schema=public", "lakehouse"]);
    });
    const started = await catalog.compose(["up", "--detach", "--wait", "catalog", "store"]);
    expect(started.code, started.stderr).toBe(0);
    const buckets = await catalog.compose(["run", "--rm", "--no-deps", "buckets"]);
    expect(buckets.code, buckets.stderr).toBe(0);
    expect(await catalog.query("select count(*) from public.migration where name = '010_backup.sql'")).toBe(
      "1",
    );
    expect(await catalog.query(history)).toBe("1|build|s3://warehouse/a");
    const now = await catalog.secrets();
    expect(now, "those that were there").toMatchObject(secrets);
    const { MINIO_ROOT_USER: _, MINIO_ROOT_PASSWORD: __, ...names } = now;
    expect(Object.keys(names).sort(), "and those that are new").toEqual(await secretNames(stack));
    const reader =
      "curl --fail --silent --aws-sigv4 aws:amz:us-east-1:s3 --user $S3_INGEST_ACCESS_KEY:$S3_INGEST_SECRET_KEY";
    const read = `. /run/secrets/store/env; ${reader} http://127.0.0.1:9000/bronze/originals/critic_agg/kept`;
    expect((await catalog.compose(["exec", "-T", "store", "sh", "-c", read])).stdout).toBe("kept");
    const login = "PGPASSWORD=$PG_LEDGER_PASSWORD psql -At -h catalog -U ledger -d lakehouse -c 'select 1'";
    const words = [
      "exec",
      "-T",
      "catalog",
      "sh",
      "-c",
      `. /run/secrets/catalog/env; export PGPASSWORD; ${login}`,
    ];
    expect((await catalog.compose(words)).stdout).toBe("1\n");
  });

  it("should refuse to start, and say so, when it is newer", async () => {
    await catalog.compose(["rm", "--stop", "--force", "catalog", "store"]);
    const more = { "999_newer.sql": "create table ledger.from_the_future (a integer);" };
    await catalog.withMigrations("998", more, async () => undefined);
    const { code } = await catalog.compose(["up", "--detach", "--wait", "catalog"]);
    expect(code).not.toBe(0);
    const { stdout } = await catalog.compose(["logs", "--no-log-prefix", "catalog"]);
    expect(stdout).toContain("written by a newer release (this one does not know migration 999_newer.sql)");
  });

  it("should get the migrations that its backup lacks, when that is restored, also after a restore that was killed", async () => {
    await catalog.compose(["rm", "--stop", "--force", "catalog"]);
    await stack.run("docker", ["volume", "rm", `${stack.project}-upgrade_catalog`]);
    await catalog.compose(["up", "--detach", "--wait", "catalog"]);
    const send = (input: string) =>
      catalog.compose(["exec", "-T", "catalog", "/opt/catalog/restore.sh"], { input });
    const whole = `-- migration 007_undo.sql\n${dump}\n-- end of the backup\n`;
    expect((await send(whole.slice(0, -10))).stderr).toContain("cut off");
    expect((await send(whole.replace("007_undo", "999_newer"))).stderr).toContain(
      "written by a newer release",
    );
    // It has dropped and made the schema, and is at the rows.
    const slow = send(whole.replace("\n-- end", "\nselect pg_sleep(120);\n-- end"));
    const end =
      "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like 'select pg_sleep(120)%'";
    await expect.poll(() => catalog.query(end), { timeout: 60_000 }).toBe("1");
    expect((await slow).code).not.toBe(0);
    expect(await catalog.query("select branch.is_empty()")).toBe("t");
    const restored = await send(whole);
    expect(restored.code, restored.stderr).toBe(0);
    expect(await catalog.query(history)).toBe("1|build|s3://warehouse/a");
    expect(await catalog.query("select branch.is_empty()")).toBe("f");
    expect((await send(whole)).stderr).toContain("the lakehouse is not empty");
  });
});
