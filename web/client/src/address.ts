/**
 * The address of the API as a page of this machine reaches it. A browser sends the session's cookie (`SameSite=Lax`)
 * only to the site that the page is of, and to a browser `localhost`, `127.0.0.1` and `[::1]` are three sites. So an
 * API on this machine is asked under the name that the page itself has, whichever name it was configured with.
 */
export function sameSite(url: string, page: string | undefined = globalThis.location?.hostname): string {
  const api = new URL(url);
  if (page !== undefined && isLoopback(page) && isLoopback(api.hostname)) {
    api.hostname = page;
  }
  return api.href.replace(/\/$/, "");
}

/** Whether a host name, as `URL` and `location` write it, leads to this machine. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || /^127(\.\d{1,3}){3}$/.test(host) || host === "[::1]";
}
