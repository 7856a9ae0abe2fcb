// `node example/dist/src/main.js http://localhost:8080` shows the tour against a running roost.
import { tour } from "./tour.js";

await tour(process.argv[2] ?? "http://localhost:8080", (line) => console.log(line));
