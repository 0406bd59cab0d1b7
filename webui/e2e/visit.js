/* One visit of a page by a Chromium, for tests that are written elsewhere (tests/e2e/edge_browser_test.py).
 *
 *   node e2e/visit.js '{"url": …, "flags": […], "frame": true, "type": "…", "wait": "…", "shot": "…", "reload": true}'
 *
 * `frame` looks into the page's first frame instead of the page; `type` is entered into its field and sent; `wait` is a text to
 * wait for there. With `reload` the page is then loaded again and waited for once more. `shot` is where pictures of it go, with
 * -light.png and -dark.png behind. Prints what was seen as JSON. */
import { needBrowser, openBrowser } from './browser.js';

needBrowser();

const order = JSON.parse(process.argv[2]);
const PATIENCE_MS = 15_000;
const complaints = [];
const browser = await openBrowser(complaints, order.flags ?? []);
const { page } = browser;
page.setDefaultTimeout(PATIENCE_MS);

async function look() {
  if (order.frame !== true) return page.mainFrame();
  const handle = await page.waitForSelector('iframe');
  return handle.contentFrame();
}

async function waitFor(text) {
  const frame = await look();
  await frame.getByText(text).first().waitFor();
  return frame;
}

try {
  const answer = await page.goto(order.url);
  let frame = await look();
  if (order.type !== undefined) {
    const field = frame.locator('input');
    await field.fill(order.type);
    await field.press('Enter');
  }
  if (order.wait !== undefined) frame = await waitFor(order.wait);
  if (order.reload === true) {
    await page.reload();
    frame = await waitFor(order.wait);
  }
  for (const colorScheme of order.shot === undefined ? [] : ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${order.shot}-${colorScheme}.png` });
  }
  const seen = {
    status: answer?.status() ?? null,
    url: page.url(),
    frame: frame.url(),
    text: await frame.locator('body').innerText(),
    cookies: (await page.context().cookies()).map(({ name, httpOnly, sameSite, path }) => ({
      name,
      httpOnly,
      sameSite,
      path,
    })),
    complaints,
  };
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
