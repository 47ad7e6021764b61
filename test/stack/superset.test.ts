/** Dashboards in the browser, as a user has them after ./scripts/up --films --bi. */
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
import { type Stack, unstartedStack } from "./stack.ts";

let stack: Stack;
let browser: Browser;
let page: Page;
let url: string;
let password: string;

beforeAll(async () => {
  stack = await unstartedStack("superset");
  if (!process.env.ATTACH) {
    const { code, stdout, stderr } = await stack.script("up", ["--films", "--bi"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`http://localhost:${stack.env.SUPERSET_PORT}`);
  }
  url = `http://localhost:${stack.env.SUPERSET_PORT}`;
  password = (await stack.succeed(["credentials", "--user", "superset", "--password"])).stdout.trim();
  browser = await startBrowser();
  page = await logIn(browser, { url, password });
});
afterAll(async () => {
  await browser?.close();
  if (!process.env.ATTACH) await stack?.compose(["--profile", "bi", "down", "--volumes", "--remove-orphans"]);
});

/** A chart that failed or found nothing says so. */
const faults = (charts: string[]) =>
  charts.filter((text) => /error|no results|no data|timed? ?out/i.test(text));

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

  it("should show fewer films when a filter says so", async () => {
    await page.locator("[data-test='form-item-value'] .ant-select, .filter-item-wrapper .ant-select").click();
    await page
      .locator(".ant-select-item-option", { hasText: "audience_pulse,box_office,critic_agg" })
      .click();
    await page.keyboard.press("Escape");
    await page.locator("[data-test='filter-bar__apply-button']").click();
    await settledCharts(page);
    const [counted] = await stack.query(
      "SELECT count(*) AS films FROM gold.movies_unified WHERE sources_present = 'audience_pulse,box_office,critic_agg'",
    );
    expect(await numberOf(page, "that any provider knows")).toBe(counted?.films);
  });
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
       WHERE "user" = 'bi' AND query LIKE 'SELECT * FROM bronze.batches%'`,
      "admin",
    );
    expect(asked).toEqual([{ state: "FAILED", error_code: "PERMISSION_DENIED" }]);
  });
});

describe("the door", () => {
  it("should let nobody in without the password", async () => {
    for (const path of ["/api/v1/dashboard/", "/api/v1/database/", "/api/v1/chart/"])
      expect((await fetch(`${url}${path}`)).status, path).toBe(401);
    const login = await fetch(`${url}/api/v1/security/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password: "admin", provider: "db" }),
    });
    expect(login.status).toBe(401);
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

describe("a second start, with renewed secrets", () => {
  it("should keep what a user changed", async () => {
    const change = "update slices set slice_name = 'My films' where slice_name = 'All films'";
    const superset = ["psql", "--no-psqlrc", "-At", "--dbname", "superset", "--command"];
    await stack.run("docker", ["exec", `${stack.project}-catalog-1`, ...superset, change]);
    const old = await secrets();
    await stack.succeed(["rotate"]);
    const renewed = await secrets();
    const same = Object.keys(old).filter((name) => old[name] === renewed[name]);
    expect(same, "what it has encrypted with the key would be lost").toEqual(["SUPERSET_SECRET_KEY"]);
    page = await logIn(browser, { url, password: renewed.SUPERSET_ADMIN_PASSWORD ?? "" });
    const charts = await openDashboard(page, "films");
    expect(charts).toHaveLength(9);
    expect(faults(charts)).toEqual([]);
    expect(charts.filter((text) => text.includes("My films"))).toHaveLength(1);
  });

  async function secrets(): Promise<Record<string, string>> {
    const words = ["exec", `${stack.project}-superset-1`, "cat", "/run/secrets/superset/env"];
    const { stdout } = await stack.run("docker", words);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("=")),
    );
  }
});
