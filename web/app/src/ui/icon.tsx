import type { ReactNode } from "react";

// Outlines of 24 by 24, drawn for this app.
const paths = {
  home: "M4 11.5 12 4l8 7.5M6 10v9h4.5v-5h3v5H18v-9",
  search: "M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15 15l5 5",
  at: "M12 8.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6zm3.8 0v5.4a2.2 2.2 0 0 0 4.2 0V12a8 8 0 1 0-3.4 6.5",
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20c.6-4 3.7-6 7.5-6s6.9 2 7.5 6",
  gear: "M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM12 3.5v2.3m0 12.4v2.3m8.5-8.5h-2.3M5.8 12H3.5m14.51-6.01-1.63 1.63M7.62 16.38l-1.63 1.63m12.02 0-1.63-1.63M7.62 7.62 5.99 5.99",
  devices: "M3.5 6h11v9h-11zM2 18h11m3.5-8.5h4V19h-4z",
  heart: "M12 19.5C6.5 15.8 3.8 12.7 3.8 9.3A4.3 4.3 0 0 1 12 7.4a4.3 4.3 0 0 1 8.2 1.9c0 3.4-2.7 6.5-8.2 10.2z",
  down: "M7 4.5h9.2a2 2 0 0 1 1.95 1.5l1.5 6a2 2 0 0 1-1.95 2.5H14l.8 3.9a1.7 1.7 0 0 1-3.2 1L7.5 13.5H4.5v-9z",
  reply: "M20 11.5c0 4-3.6 6.8-8 6.8-1 0-2-.1-2.9-.4L4.5 19.5l1.2-3.6A6.2 6.2 0 0 1 4 11.5c0-4 3.6-6.8 8-6.8s8 2.8 8 6.8z",
  retweet: "M4 9.5 7.5 6 11 9.5M7.5 6v9.5A2.5 2.5 0 0 0 10 18h3m7-3.5L16.5 18 13 14.5m3.5 3.5V8.5A2.5 2.5 0 0 0 14 6h-3",
  trash: "M5 7h14M10 7V4.5h4V7m-7.5 0 .8 12.5h9.4L17.5 7M10.5 10.5v6m3-6v6",
  pen: "M5 19l1-4.5L16.5 4l3.5 3.5L9.5 18 5 19zm9.5-13L18 9.5",
  left: "M19 12H5.5M11 6l-6 6 6 6",
  close: "M6 6l12 12M18 6 6 18",
  hash: "M9.5 4 7.5 20m9-16-2 16M4.5 9h16m-17 6h16",
  check: "M5 12.5 10 17.5 19.5 7",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1m2 3.7a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  calendar: "M4.5 6.5h15v13h-15zM4.5 10.5h15M8.5 4v4m7-4v4",
  out: "M10 4.5H5v15h5M14 8l4 4-4 4m4-4H9",
  play: "M8 5.5v13l10.5-6.5z",
  keyboard: "M3 7h18v10.5H3zM6.5 10.5h.01m3.5 0h.01m3.5 0h.01m3.5 0h.01M8 14h8",
  compass: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm3.5 4.5-2 5-5 2 2-5z",
  book: "M5 5h5a2.5 2.5 0 0 1 2 1.2A2.5 2.5 0 0 1 14 5h5v13h-5a2.5 2.5 0 0 0-2 1 2.5 2.5 0 0 0-2-1H5zM12 6.5V19",
} as const;

export type IconName = keyof typeof paths;

/** An icon. It says nothing to screen readers: a label stands beside it, or on what holds it. */
export function Icon({ name, filled = false }: { readonly name: IconName; readonly filled?: boolean }): ReactNode {
  return (
    <svg className={filled ? "icon icon-filled" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark of Roost. */
export function Mark(): ReactNode {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" className="mark-ground" />
      <path
        className="mark-bird"
        d="M7 22h18M16 22v-4M9.5 14.5c0-4 3-6.5 6.5-6.5 3 0 5.2 1.8 5.8 4.2l2.7 1.3-2.6 1.2c-.5 2.6-2.6 4.3-5.6 4.3-3.9 0-6.8-1.7-6.8-4.5z"
      />
      <circle className="mark-eye" cx="18" cy="12.2" r="1.1" />
    </svg>
  );
}
