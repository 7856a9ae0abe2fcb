/** What the server writes into the page about itself. */
export interface Settings {
  /** The path of the API. */
  readonly endpoint: string;
  /** The account of the demo world; null on a real site. */
  readonly demo: { readonly username: string; readonly password: string } | null;
  /** `id` on a node that runs known documents only. */
  readonly documents: "text" | "id";
  /** Whether there is a playground at /playground. */
  readonly playground: boolean;
  /** The name of the site. */
  readonly title: string;
}

const defaults: Settings = { endpoint: "/graphql", demo: null, documents: "text", playground: true, title: "Roost" };

/** The settings in the page; while the app is developed there are none. */
export const settings: Settings = { ...defaults, ...(JSON.parse(document.getElementById("settings")?.textContent?.trim() || "{}") as Partial<Settings>) };
