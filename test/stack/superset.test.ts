/** What a browser shows: dashboards and what the tables mean, as a user has them after ./scripts/up --films --bi --docs. */
import { connect } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  chartWith,
  logIn,
  numberOf,
  openDashboard,
  settledCharts,
  startBrowser,
} from "../browser/superset.ts";
import { readText } from "../contract/repository.ts";
import { realFilms } from "./real-films.ts";
import { type Stack, unstartedStack } from "./stack.ts";

let stack: Stack;
let browser: Browser;
let page: Page;
let url: string;
let password: string;

beforeAll(async () => {
  stack = await unstartedStack("superset");
  if (!process.env.ATTACH) {
    const { code, stdout, stderr } = await stack.script("up", ["--films", "--bi", "--docs", "--direct"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`http://localhost:${stack.env.SUPERSET_PORT}`);
    expect(stdout).toContain(`http://localhost:${stack.env.DOCS_PORT}`);
    expect(stdout).toContain(`https://localhost:${stack.env.DIRECT_PORT}`);
  }
  url = `http://localhost:${stack.env.SUPERSET_PORT}`;
  password = (await stack.succeed(["credentials", "--user", "superset", "--password"])).stdout.trim();
  browser = await startBrowser();
  page = await logIn(browser, { url, password });
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

/** A chart that failed or found nothing says so. */
const faults = (charts: string[]) =>
  charts.filter((text) => /error|no results|no data|timed? ?out/i.test(text));

/** The status that the user `admin` gets for this password. */
async function loginAs(secret: string): Promise<number> {
  const login = await fetch(`${url}/api/v1/security/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "admin", password: secret, provider: "db" }),
  });
  return login.status;
}

/** The statement as SQL Lab's page sends it, and what comes back. */
async function sqlLab(sql: string): Promise<{ status: number; text: string }> {
  const { result: databases } = await (await page.request.get("/api/v1/database/")).json();
  const { result: token } = await (await page.request.get("/api/v1/security/csrf_token/")).json();
  const answer = await page.request.post("/api/v1/sqllab/execute/", {
    headers: { "x-csrftoken": token, referer: url },
    data: { database_id: databases[0].id, catalog: "lakehouse", schema: "gold", sql },
  });
  return { status: answer.status(), text: await answer.text() };
}

describe("the dashboard Films", () => {
  let charts: string[];
  beforeAll(async () => {
    charts = await openDashboard(page, "films");
  });

  it("should show each of its charts, none in error and none empty", () => {
    expect(charts).toHaveLength(9);
    expect(faults(charts)).toEqual([]);
  });

  it("should count the films that SQL counts", async () => {
    const [counted] = await stack.query("SELECT count(*) AS films FROM gold.movies_unified");
    expect(await numberOf(page, "that any provider knows")).toBe(counted?.films);
  });

  it("should find a film by its title", async () => {
    const table = chartWith(page, "All films");
    const search = table.getByPlaceholder(/^\d+ records?/);
    // Named by their column for a screen reader, so they are found by what they show.
    const film = (title: string) => table.locator("td").getByText(title, { exact: true });
    await film("Avatar").waitFor();
    await search.fill("Toy Story 3");
    await film("Avatar").waitFor({ state: "detached" });
    await film("Toy Story 3").waitFor();
    await search.fill("");
  });

  it("should show fewer films when the filters of sources and years say so", async () => {
    await page.locator("[data-test='form-item-value'] .ant-select, .filter-item-wrapper .ant-select").click();
    await page
      .locator(".ant-select-item-option", { hasText: "audience_pulse,box_office,critic_agg" })
      .click();
    await page.keyboard.press("Escape");
    await expectCounted("sources_present = 'audience_pulse,box_office,critic_agg'");
    await page.locator("input[data-test='range-filter-from-input']").fill("2005");
    await page.keyboard.press("Tab");
    await expectCounted("sources_present = 'audience_pulse,box_office,critic_agg' AND release_year >= 2005");
  });

  /** What the filters say, once they are applied, is what SQL counts, and not what was shown before. */
  async function expectCounted(condition: string): Promise<void> {
    const before = await numberOf(page, "that any provider knows");
    await page.locator("[data-test='filter-bar__apply-button']").click();
    await settledCharts(page);
    const [counted] = await stack.query(
      `SELECT count(*) AS films FROM gold.movies_unified WHERE ${condition}`,
    );
    const shown = await numberOf(page, "that any provider knows");
    expect(shown).toBe(counted?.films);
    expect(shown).toBeLessThan(before);
  }
});

describe("the dashboard Data health", () => {
  it("should show each of its charts, none in error and none empty", async () => {
    const charts = await openDashboard(page, "data-health");
    expect(charts).toHaveLength(9);
    expect(faults(charts)).toEqual([]);
  });

  it("should account for the rows as the ingester did", async () => {
    const [counted] = await stack.query("SELECT sum(rows_read) AS rows FROM bronze.batches", "admin");
    expect(await numberOf(page, "of all deliveries")).toBe(counted?.rows);
  });
});

describe("SQL Lab", () => {
  it("should run a query", async () => {
    const { status, text } = await sqlLab("SELECT count(*) AS films FROM movies_unified");
    expect(status, text).toBe(200);
    const [counted] = await stack.query("SELECT count(*) AS films FROM gold.movies_unified");
    expect(JSON.parse(text).data).toEqual([counted]);
  });

  it.each([
    "DELETE FROM movies_unified",
    "INSERT INTO kpis_by_year SELECT * FROM kpis_by_year",
    "CREATE TABLE gold.probe (film integer)",
    "DROP TABLE movies_unified",
  ])("should refuse: %s", async (statement) => {
    const { status, text } = await sqlLab(statement);
    expect(status, text).not.toBe(200);
    expect(text).toMatch(/DML|not allowed|Access Denied/i);
  });

  it("should show nothing of bronze", async () => {
    const { status, text } = await sqlLab("SELECT * FROM bronze.batches");
    expect(status, text).not.toBe(200);
    // Superset tells Trino's reason, or now and then a fault of its own in telling it ("twophase"): Trino knows.
    const asked = await stack.query(
      `SELECT DISTINCT state, error_code FROM system.runtime.queries
       WHERE "user" = 'bi' AND query LIKE '%bronze.batches%'`,
      "admin",
    );
    expect(asked).toEqual([{ state: "FAILED", error_code: "PERMISSION_DENIED" }]);
  });
});

describe("the connection to Trino", () => {
  /** As Superset opens it, but for the authority that it trusts. */
  const connected = `
import sys, yaml
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from superset_config import DB_CONNECTION_MUTATOR
database = yaml.safe_load(open("/opt/superset/assets/databases/reelhouse.yaml"))
options = database["extra"]["engine_params"]
options["connect_args"]["verify"] = sys.argv[1] or options["connect_args"]["verify"]
uri, options = DB_CONNECTION_MUTATOR(make_url(database["sqlalchemy_uri"]), options, None, None, None)
print(create_engine(uri, **options).connect().execute(text("SELECT current_user")).scalar())
`;
  const connect = (authority: string) => {
    const withSecrets = `set -a && . /run/secrets/superset/env && exec python3 -c "$1" "$2"`;
    return stack.exec("superset", ["sh", "-c", withSecrets, "sh", connected, authority]);
  };

  it("should be refused by a Trino that another authority vouches for", async () => {
    expect((await connect("")).stdout.trim()).toBe("bi");
    const { code, stdout, stderr } = await connect("/etc/ssl/certs/ca-certificates.crt");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("certificate verify failed");
  });
});

describe("the door", () => {
  it("should let nobody in without the password", async () => {
    for (const path of ["/api/v1/dashboard/", "/api/v1/database/", "/api/v1/chart/"])
      expect((await fetch(`${url}${path}`)).status, path).toBe(401);
    expect(await loginAs("admin")).toBe(401);
  });

  it("should tell the browser what a page may do", async () => {
    const { headers } = await fetch(`${url}/login/`);
    const policy = headers.get("content-security-policy");
    expect(policy).toContain("frame-ancestors 'none'");
    // No host but our own.
    expect(policy).not.toMatch(/https?:|\*|\w\.\w/);
    expect(headers.get("set-cookie")).toMatch(/HttpOnly.*SameSite=Lax/);
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("the ports", () => {
  it("should be the documented ones, on the loopback address", async () => {
    const documented = [...readText("docs/operate.md").matchAll(/^\| `(\w+_PORT)` \| \d+ \| `(\w+)`/gm)].map(
      ([, setting = "", service]) => `${service} 127.0.0.1:${stack.env[setting]}`,
    );
    const ofProject = ["--filter", `label=com.docker.compose.project=${stack.project}`];
    const format = '{{.Label "com.docker.compose.service"}} {{.Ports}}';
    const { stdout } = await stack.run("docker", ["ps", ...ofProject, "--format", format]);
    const published = stdout.split("\n").filter((line) => line.includes("->"));
    expect(published.map((line) => line.replace(/->.*/, "")).sort()).toEqual(documented.sort());
  });

  it("should be shut on the machine's other addresses", async () => {
    const { stdout } = await stack.run("hostname", ["--all-ip-addresses"]);
    const addresses = stdout.trim().split(/\s+/);
    expect(addresses.length).toBeGreaterThan(0);
    for (const host of addresses)
      for (const setting of ["TRINO_PORT", "SUPERSET_PORT", "DOCS_PORT", "DIRECT_PORT"])
        await expect(connects(host, Number(stack.env[setting])), `${host} ${setting}`).resolves.toBe(false);
    expect(await connects("127.0.0.1", stack.trinoPort)).toBe(true);
  });

  const connects = (host: string, port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ host, port, timeout: 2_000 }, () => done(true));
      const done = (answer: boolean) => {
        socket.destroy();
        resolve(answer);
      };
      socket.on("error", () => done(false)).on("timeout", () => done(false));
    });
});

describe("the pages of the tables", () => {
  it("should tell what a table means, what its columns are, and what it comes from", async () => {
    const pages = await browser.newPage({ baseURL: `http://localhost:${stack.env.DOCS_PORT}` });
    const asked: string[] = [];
    pages.on("request", (request) => asked.push(request.url()));
    await pages.goto("/#!/model/model.reelhouse.movies_unified");
    await pages.getByText("One row per film that any provider knows").first().waitFor();
    const text = await pages.locator("body").textContent();
    expect(text).toContain("lakehouse.gold.movies_unified");
    // From Trino, not from the project.
    const [column] = await stack.query(
      "SELECT data_type FROM information_schema.columns WHERE table_schema = 'gold' AND table_name = 'movies_unified' AND column_name = 'profit_usd'",
    );
    expect(text).toMatch(new RegExp(`profit_usd\\s+${column?.data_type}\\s+Total box office less`));
    const origins = pages.locator(".section", { has: pages.locator("#depends_on") });
    expect(await origins.textContent()).toContain("film_xref");
    const hosts = new Set(asked.filter((one) => one.startsWith("http")).map((one) => new URL(one).host));
    expect([...hosts]).toEqual([`localhost:${stack.env.DOCS_PORT}`]);
  });

  it("should be made without a right that bi lacks, and tell no password", async () => {
    const { TRINO_BI_PASSWORD: secret, ...others } = await stack.secrets("docs");
    expect(others).toEqual({});
    const page = await (await fetch(`http://localhost:${stack.env.DOCS_PORT}`)).text();
    expect(page).not.toContain(String(secret));
  });
});

describe("the tables that they show", () => realFilms(() => stack));

describe("a second start, with renewed secrets", () => {
  it("should keep what a user changed", async () => {
    const change = "update slices set slice_name = 'My films' where slice_name = 'All films'";
    const superset = ["psql", "--no-psqlrc", "-At", "--dbname", "superset", "--command"];
    await stack.exec("catalog", [...superset, change]);
    const old = await stack.secrets("superset");
    await stack.succeed(["rotate"]);
    const renewed = await stack.secrets("superset");
    const same = Object.keys(old).filter((name) => old[name] === renewed[name]);
    expect(same, "what it has encrypted with the key would be lost").toEqual(["SUPERSET_SECRET_KEY"]);
    expect(await loginAs(password)).toBe(401);
    page = await logIn(browser, { url, password: renewed.SUPERSET_ADMIN_PASSWORD ?? "" });
    const charts = await openDashboard(page, "films");
    expect(charts).toHaveLength(9);
    expect(faults(charts)).toEqual([]);
    expect(charts.filter((text) => text.includes("My films"))).toHaveLength(1);
  });
});
