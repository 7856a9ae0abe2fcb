import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const startTimeout = 30_000; // milliseconds
const stopTimeout = 15_000; // milliseconds

/** How to start a roost. */
export interface RoostServerOptions {
  /** Whether it has the demo world; not by default. */
  readonly demo?: boolean;
  /** Further flags of `roost serve`. */
  readonly flags?: readonly string[];
}

/** A roost of its own: the binary that ROOST_BIN names, embedded stores in a directory of its own. */
export class RoostServer {
  readonly #options: RoostServerOptions;
  readonly #dir: string;
  #process: ChildProcess | undefined;
  #log = "";
  #url: URL | undefined;

  private constructor(dir: string, options: RoostServerOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  /** Starts one on a free port and waits until it listens. */
  static async start(options: RoostServerOptions = {}): Promise<RoostServer> {
    const server = new RoostServer(await mkdtemp(join(tmpdir(), "roost-web-")), options);
    await server.#run("localhost:0");
    return server;
  }

  /** Its address, without a slash at the end. */
  get url(): string {
    return this.#running.origin;
  }

  /** Its port. */
  get port(): number {
    return Number(this.#running.port);
  }

  /** Ends it as a deployment would: its sockets are closed with a code that means "come back". */
  async shutDown(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Starts it again after kill or shutDown, on the same data and port. */
  async restart(): Promise<void> {
    await this.#run(this.#running.host);
  }

  /** Stops it and removes its data. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #running(): URL {
    if (!this.#url) {
      throw new Error("roost does not run");
    }
    return this.#url;
  }

  async #run(addr: string): Promise<void> {
    const binary = process.env["ROOST_BIN"];
    if (!binary) {
      throw new Error("ROOST_BIN does not name the roost binary; `make web` and `make browser` set it");
    }
    const { demo = false, flags = [] } = this.#options;
    const child = spawn(
      binary,
      ["serve", "--addr", addr, "--data-dir", join(this.#dir, "data"), `--demo=${demo}`, ...flags],
      { stdio: ["ignore", "pipe", "pipe"], env: withoutSettings(process.env) },
    );
    this.#process = child;
    this.#log = "";
    const url = new Promise<URL>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          this.#log += chunk.toString();
          const found = /Roost is at (http:\/\/\S+)/.exec(this.#log);
          if (found?.[1]) {
            resolve(new URL(found[1]));
          }
        });
      }
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`roost ended with ${code}:\n${this.#log}`)));
    });
    const waiting = new AbortController();
    const late = delay(startTimeout, undefined, { signal: waiting.signal }).then(() => {
      throw new Error(`roost did not start:\n${this.#log}`);
    });
    try {
      this.#url = await Promise.race([url, late]);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      waiting.abort();
      late.catch(() => {});
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const ended = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeout);
    await ended;
    clearTimeout(timer);
  }
}

/** The settings of whoever runs the tests are not those of the tests. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("ROOST_")));
}

let counter = 0;

/** A sign-up input of somebody new. */
export function newcomer(prefix = "web"): { username: string; email: string; password: string } {
  const username = `${prefix}_${process.pid}_${++counter}`;
  return { username, email: `${username}@example.com`, password: "correct horse battery" };
}

/** Gathers what is written to the console as a warning or an error, such as Apollo's hints in development. */
export function warnings(): string[] {
  const seen: string[] = [];
  for (const method of ["warn", "error"] as const) {
    const write = console[method];
    console[method] = (...args: unknown[]) => {
      seen.push(args.map(String).join(" "));
      write(...args);
    };
  }
  return seen;
}

/** Waits until the check is true, looking again every few milliseconds; fails after 15 s. */
export async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await check())) {
    if (Date.now() > deadline) {
      throw new Error(`it did not happen: ${what}`);
    }
    await delay(10);
  }
}
