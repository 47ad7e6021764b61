/** Pictures of the dashboards of a running stack, for the README: URL and password from the environment. */
import { join } from "node:path";
import { projectFolder } from "../contract/repository.ts";
import { logIn, lowestPixel, openDashboard, startBrowser } from "./superset.ts";

const { SUPERSET_URL: url = "http://localhost:8088", SUPERSET_PASSWORD: password = "" } = process.env;

const browser = await startBrowser();
try {
  const page = await logIn(browser, { url, password });
  for (const slug of ["films", "data-health"]) {
    await openDashboard(page, slug);
    // Animations of charts end.
    await page.waitForTimeout(2_000);
    const path = join(projectFolder, "docs/images", `${slug}.png`);
    await page.screenshot({ path, clip: { x: 0, y: 0, width: 1400, height: await lowestPixel(page) } });
    console.log(path);
  }
} finally {
  await browser.close();
}
