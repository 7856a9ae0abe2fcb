import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { extname } from "node:path";
import { build } from "esbuild";

const page = new URL("../../page/", import.meta.url);
const kinds: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** The example page as the files that a web server would have, by path. */
export async function bundle(): Promise<ReadonlyMap<string, string>> {
  const script = await build({
    entryPoints: [new URL("page.ts", page).pathname],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    define: { "globalThis.__DEV__": "false" },
    conditions: ["production"],
  });
  return new Map([
    ["/", await readFile(new URL("index.html", page), "utf8")],
    ["/page.css", await readFile(new URL("page.css", page), "utf8")],
    ["/page.js", script.outputFiles[0]?.text ?? ""],
  ]);
}

/** Serves files at 127.0.0.1, where browsers look for localhost as well; port 0 picks a free one. */
export async function serve(files: ReadonlyMap<string, string>, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = files.get(path);
    response.writeHead(file === undefined ? 404 : 200, { "Content-Type": kinds[extname(path) || ".html"] ?? "text/plain" });
    response.end(file ?? "There is no such page.");
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}
