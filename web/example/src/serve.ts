// `npm run page` builds the example page and serves it beside a running roost.
import { bundle, serve } from "./bundle.js";

const port = Number(process.argv[2] ?? 5173);
await serve(await bundle(), port);
console.log(`The page is at http://127.0.0.1:${port}/ and uses the Roost at http://127.0.0.1:8080 (or ?api=URL)`);
