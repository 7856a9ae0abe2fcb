import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The files go into the Go package that serves them. The names hold hashes of the contents, so browsers keep them for ever.
export default defineConfig({
  plugins: [react()],
  define: { "globalThis.__DEV__": "false" },
  build: {
    outDir: "../../site/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no inline content
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    sourcemap: false,
  },
  // `npm run dev` serves the sources and asks a roost at port 8080.
  server: { proxy: { "/graphql": { target: "http://localhost:8080", ws: true } } },
});
