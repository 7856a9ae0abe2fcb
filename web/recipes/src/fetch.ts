/** An operation that did not work, with the code of its first error. */
export class OperationError extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** Seconds to wait before trying again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** Runs a query or mutation as whoever is signed in to this browser. Refusals are in `userErrors` of the result. */
export async function run<T>(roost: string, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(`${roost}/graphql`, {
    method: "POST",
    credentials: "include", // sends the cookie, and keeps the one that logIn sets
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as {
    data?: T;
    errors?: { message: string; extensions: { code: string; retryAfter?: number } }[];
  };
  const [first] = errors ?? [];
  if (first) {
    throw new OperationError(first.extensions.code, first.message, first.extensions.retryAfter);
  }
  return data as T;
}

/** Calls back for each event of a subscription until the returned function is called. Lost connections come back by themselves. */
export function watch<T>(roost: string, query: string, onData: (data: T) => void, onError: (code: string) => void): () => void {
  const source = new EventSource(`${roost}/graphql?query=${encodeURIComponent(query)}`, { withCredentials: true });
  source.addEventListener("next", ({ data }: MessageEvent<string>) => {
    const result = JSON.parse(data) as { data?: T; errors?: { extensions: { code: string } }[] };
    result.errors?.[0] ? onError(result.errors[0].extensions.code) : onData(result.data as T);
  });
  source.addEventListener("complete", () => source.close());
  return () => source.close();
}
