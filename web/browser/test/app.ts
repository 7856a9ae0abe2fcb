import type { Locator, Page } from "playwright-core";
import type { newcomer } from "@roost/testserver";
import { picture } from "./browser.js";

/** The sizes of a window, in pixels, at which pages are looked at. */
export const sizes = [
  [1400, 900],
  [390, 844],
] as const;

/** Pictures of a page in both themes and at both sizes; the page is left as it was. */
export async function pictures(page: Page, name: string): Promise<void> {
  if (!process.env["ROOST_TEST_SCREENSHOTS"]) {
    return;
  }
  const size = page.viewportSize();
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `app-${name}-${colorScheme}-${width}`);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (size) {
    await page.setViewportSize(size);
  }
}

/** Makes an account by the form. */
export async function signUpByForm(page: Page, url: string, account: ReturnType<typeof newcomer>): Promise<void> {
  await page.goto(`${url}/signup`);
  await page.getByLabel("Name", { exact: true }).fill(`The ${account.username}`);
  await page.getByLabel("Username").fill(account.username);
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "Home" }).waitFor();
}

/** Logs in by the form. */
export async function logInByForm(page: Page, url: string, account: ReturnType<typeof newcomer>): Promise<void> {
  await page.goto(`${url}/login`);
  await page.getByLabel("Username or email").fill(account.username);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByRole("heading", { name: "Home" }).waitFor();
}

/** The tweets on screen whose text contains a text. */
export const tweetOf = (page: Page, text: string): Locator => page.locator("main [data-tweet]:visible").filter({ hasText: text });
