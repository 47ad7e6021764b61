/** A browser in front of Superset, as somebody uses it: log in, open a dashboard, look at its charts. */
import { type Browser, chromium, type Page } from "playwright-core";

export interface Login {
  url: string;
  password: string;
}

const patienceMs = 60_000;

/** Debian's, without a sandbox of its own: it runs in a container, as root, and opens nothing but Superset. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });

export async function logIn(browser: Browser, { url, password }: Login): Promise<Page> {
  const page = await browser.newPage({ baseURL: url, viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(patienceMs);
  await page.goto("/login/");
  await page.locator("#username").fill("admin");
  await page.locator("#password").fill(password);
  await page.locator("button[type=submit]").click();
  await page.waitForURL((address) => !address.pathname.startsWith("/login"));
  return page;
}

const allCharts = "[class*='dashboard-chart-id-']";

/** Opens a dashboard and waits until each of its charts has an answer; returns what the charts say. */
export async function openDashboard(page: Page, slug: string): Promise<string[]> {
  await page.goto(`/superset/dashboard/${slug}/`);
  await page.locator(allCharts).first().waitFor();
  // Charts below the window are loaded when they are scrolled to: this one is as high as the dashboard.
  await page.setViewportSize({ width: 1400, height: 2400 });
  await page.waitForLoadState("networkidle");
  return await settledCharts(page);
}

/** The text of each chart, once none of them waits. */
export async function settledCharts(page: Page): Promise<string[]> {
  const charts = page.locator(allCharts);
  const waiting = charts.filter({ has: page.locator("[data-test='loading-indicator'], .loading") });
  const answered = charts.filter({ has: page.locator(".slice_container, [role='alert']") });
  const deadlineMs = Date.now() + patienceMs;
  do {
    // A filter takes a moment to tell the charts.
    await page.waitForTimeout(500);
    if (Date.now() > deadlineMs)
      throw new Error(`charts still wait: ${(await waiting.allInnerTexts()).join("; ")}`);
  } while ((await waiting.count()) > 0 || (await answered.count()) < (await charts.count()));
  return await charts.allInnerTexts();
}

export const chartWith = (page: Page, text: string) => page.locator(allCharts, { hasText: text });

/** The number that the chart with this text shows. (A filter's badge has one too.) */
export async function numberOf(page: Page, text: string): Promise<number> {
  const shown = (await chartWith(page, text).locator(".header-line").textContent()) ?? "";
  return Number(shown.replaceAll(",", ""));
}

/** Where the dashboard ends, in pixels from the top of the page: below it the window is empty. */
export async function lowestPixel(page: Page): Promise<number> {
  const boxes = await Promise.all((await page.locator(allCharts).all()).map((chart) => chart.boundingBox()));
  return Math.ceil(Math.max(...boxes.map((box) => (box ? box.y + box.height : 0)))) + 24;
}
