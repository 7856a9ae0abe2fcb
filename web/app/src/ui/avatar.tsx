import { memo, type ReactNode } from "react";

/** A number that depends on a text alone (FNV-1a, 32 bits). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

const crests = [
  "",
  "M15 11l1-6 3 4 2-5 2 5 3-3 0 6z",
  "M18 11c0-5 3-7 7-7-3 2-3 4-2 7z",
  "M12 13 9 7l6 3zM28 13l3-6-6 3z",
];

interface AvatarProps {
  readonly user: { readonly username: string };
  readonly size?: "small" | "medium" | "large";
}

const faces = new Map<string, string>(); // what is drawn, by username

/** A face drawn from the username: the same everywhere, without a picture to load. */
export const Avatar = memo(function Avatar({ user: { username }, size = "medium" }: AvatarProps): ReactNode {
  let face = faces.get(username);
  if (face === undefined) {
    face = drawn(username);
    faces.set(username, face);
  }
  // As a text, because a list has many faces, and for React each shape would be an element of its own.
  return (
    <svg
      className={`avatar avatar-${size}`}
      viewBox="0 0 40 40"
      aria-hidden="true"
      focusable="false"
      dangerouslySetInnerHTML={{ __html: face }}
    />
  );
});

/** The shapes of a face. They are made of numbers alone: nothing of the name is in the text. */
function drawn(username: string): string {
  const hash = hashOf(username.toLowerCase());
  const pick = (shift: number, count: number): number => (hash >>> shift) % count;
  const hue = pick(0, 360);
  const ground = `hsl(${hue} 62% 72%)`;
  const feathers = `hsl(${(hue + 150 + pick(9, 80)) % 360} 55% ${38 + pick(4, 16)}%)`;
  const belly = `hsl(${(hue + 30) % 360} 70% 90%)`;
  const beak = `hsl(${28 + pick(13, 20)} 90% 52%)`;
  const eye = 1.9 + pick(20, 3) * 0.3;
  const look = pick(23, 3) * 0.4;
  const path = (d: string, fill: string): string => `<path d="${d}" fill="${fill}"/>`;
  const circle = (x: number, y: number, r: number, fill: string): string => `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`;
  return [
    `<rect width="40" height="40" fill="${ground}"/>`,
    path(crests[pick(17, 4)] ?? "", feathers),
    path("M8 40c0-8 3-12 5-15-2-9 2-15 7-15s9 6 7 15c2 3 5 7 5 15z", feathers),
    path("M14 40c0-7 2-11 6-11s6 4 6 11z", belly),
    circle(16, 18.5, eye + 1.3, "#fff"),
    circle(24, 18.5, eye + 1.3, "#fff"),
    circle(16 + look, 18.7, eye, "#1c1917"),
    circle(24 - look, 18.7, eye, "#1c1917"),
    path(pick(26, 2) === 0 ? "M17.5 22.5h5L20 26.5z" : "M17 22.5q3-2 6 0-1 4-3 4t-3-4z", beak),
  ].join("");
}
