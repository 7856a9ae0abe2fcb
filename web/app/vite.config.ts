import react from "@vitejs/plugin-react";
import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

// The documents of the first requests, as the client sends them.
const manifest = JSON.parse(readFileSync(new URL("../client/documents.json", import.meta.url), "utf8")) as Record<string, string>;
const documentOf = (name: string) => Object.entries(manifest).find(([, text]) => new RegExp(`^query ${name}\\b`).test(text));
const firstDocuments = Object.fromEntries(["Me", "HomeTimeline", "Thread"].map((name) => [name, documentOf(name)]));

/** Puts first.ts in front of the app, as a script of its own: Vite would make one of both. */
const firstScript: Plugin = {
  name: "first-script",
  transformIndexHtml: {
    order: "post",
    handler: (_html, { bundle = {} }) => {
      const first = Object.values(bundle).find((file) => file.type === "chunk" && file.name === "first");
      return [{ tag: "script", attrs: { type: "module", src: first ? `/${first.fileName}` : "/src/first.ts" }, injectTo: "head-prepend" }];
    },
  },
};

// The files go into the Go package that serves them. The names hold hashes of the contents, so browsers keep them for ever.
export default defineConfig({
  plugins: [react(), firstScript],
  define: { "globalThis.__DEV__": "false", FIRST_DOCUMENTS: JSON.stringify(firstDocuments) },
  build: {
    outDir: "../../site/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no inline content
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    sourcemap: false,
    rollupOptions: { input: { index: "index.html", first: "src/first.ts" } },
  },
  // `npm run dev` serves the sources and asks a roost at port 8080.
  server: { proxy: { "/graphql": { target: "http://localhost:8080", ws: true } } },
});
