/** What first.ts has asked for, by operation and variables. */
const { early = new Map<string, Promise<Response>>() } = globalThis as { readonly early?: Map<string, Promise<Response>> };

const freshFor = 10_000; // milliseconds after the start of the page
setTimeout(() => early.clear(), freshFor);

/** A `fetch` that hands out, once, what first.ts has asked for. Nothing of it is used after somebody signs in or out. */
export const fetchEarly: typeof fetch = async (input, init) => {
  if (early.size > 0 && typeof init?.body === "string") {
    const { operationName, variables } = JSON.parse(init.body) as { readonly operationName?: string; readonly variables?: object };
    if (operationName === "LogIn" || operationName === "SignUp" || operationName === "LogOut") {
      early.clear();
    }
    const key = `${operationName} ${JSON.stringify(variables ?? {})}`;
    const answer = await early.get(key)?.catch(() => undefined);
    if (answer && early.delete(key)) {
      return answer;
    }
  }
  return fetch(input, init);
};
