// Runs every server audit of graphql-http against the endpoint given, and prints one line of JSON for
// each: {id, name, status, reason}.
import { serverAudits } from "graphql-http";

const url = process.argv[2];
for (const audit of serverAudits({ url })) {
  const result = await audit.fn();
  // A failed audit carries its response; a body that nobody reads keeps the connection.
  await result.response?.body?.cancel();
  console.log(JSON.stringify({
    id: audit.id,
    name: audit.name,
    status: result.status,
    reason: result.reason,
  }));
}
