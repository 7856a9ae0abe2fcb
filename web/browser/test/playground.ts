import type { Page } from "playwright-core";
import { until } from "@roost/testserver";

/** The playground as somebody uses it. */
export class Playground {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens it and waits until it has rendered and knows the schema. */
  async open(url: string): Promise<void> {
    await this.page.goto(`${url}/playground`);
    await this.page.locator(".graphiql-query-editor .CodeMirror").waitFor();
  }

  /** Goes to an example by the name of its operation. */
  async example(name: string): Promise<void> {
    await this.page.getByRole("tab", { name, exact: true }).click();
    await until(`the example ${name} is shown`, async () => (await this.text("query")).includes(` ${name}`));
  }

  /** Opens a tab with an operation of one's own. */
  async write(query: string, headers?: object): Promise<void> {
    const before = await this.text("query");
    await this.page.getByRole("button", { name: "New tab" }).click();
    await until("the new tab is in front", async () => (await this.text("query")) !== before);
    await this.fill(".graphiql-query-editor", query);
    if (headers) {
      await this.page.getByRole("button", { name: "Headers", exact: true }).click();
      await this.fill(".graphiql-editor-tool .graphiql-editor:not(.hidden)", JSON.stringify(headers));
    }
  }

  /** Presses the play button. */
  async run(): Promise<void> {
    await this.page.getByRole("button", { name: /^Execute query/ }).click();
  }

  /** Stops a subscription. */
  async stop(): Promise<void> {
    await this.page.getByRole("button", { name: /^Stop query/ }).click();
  }

  /** What an editor holds, or the result. */
  async text(which: "query" | "result"): Promise<string> {
    const place = which === "query" ? ".graphiql-query-editor" : ".graphiql-response";
    return this.page.locator(`${place} .CodeMirror`).first().evaluate(
      (node) => (node as unknown as { CodeMirror: { getValue(): string } }).CodeMirror.getValue(),
    );
  }

  /** What the notice says once it says what is wanted. */
  async notice(text: string | RegExp): Promise<void> {
    await this.page.locator("#notice span").filter({ hasText: text }).waitFor();
  }

  /** The events of a subscription that are shown, newest first. */
  async events(): Promise<{ at: string; data: any }[]> {
    const text = await this.text("result");
    return text === "" ? [] : (JSON.parse(text).events ?? []);
  }

  /** Waits until the result holds a text. */
  async shows(text: string): Promise<void> {
    await until(`the result has ${text}`, async () => (await this.text("result")).includes(text)).catch(
      async (error: unknown) => {
        throw new Error(`the result is ${await this.text("result")}`, { cause: error });
      },
    );
  }

  /** Puts a text into an editor. */
  async fill(place: string, text: string): Promise<void> {
    await this.page.locator(`${place} .CodeMirror`).first().evaluate((node, value) => {
      (node as unknown as { CodeMirror: { setValue(text: string): void } }).CodeMirror.setValue(value);
    }, text);
  }
}
