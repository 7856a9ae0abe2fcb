// `npm run page` builds the example page and serves it beside a running roost.
import { bundle, serve } from "./bundle.js";

const port = Number(process.argv[2] ?? 5173);
await serve(await bundle(), port);
console.log(`The page is at http://localhost:${port}/ and uses the Roost at http://localhost:8080 (or ?api=URL)`);
