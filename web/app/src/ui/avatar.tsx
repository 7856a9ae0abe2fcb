import { memo, type ReactNode } from "react";

/** A number that depends on a text alone (FNV-1a, 32 bits). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

interface AvatarProps {
  readonly user: { readonly username: string; readonly name: string };
  readonly size?: "small" | "medium" | "large";
}

/** A face drawn from the username: the same everywhere, without a picture to load. */
export const Avatar = memo(function Avatar({ user, size = "medium" }: AvatarProps): ReactNode {
  const hash = hashOf(user.username.toLowerCase());
  const pick = (shift: number, count: number): number => (hash >>> shift) % count;
  const hue = pick(0, 360);
  const ground = `hsl(${hue} 62% 72%)`;
  const feathers = `hsl(${(hue + 150 + pick(9, 80)) % 360} 55% ${38 + pick(4, 16)}%)`;
  const belly = `hsl(${(hue + 30) % 360} 70% 90%)`;
  const beak = `hsl(${28 + pick(13, 20)} 90% 52%)`;
  const crest = pick(17, 4);
  const eye = 1.9 + pick(20, 3) * 0.3;
  return (
    <svg className={`avatar avatar-${size}`} viewBox="0 0 40 40" aria-hidden="true" focusable="false">
      <rect width="40" height="40" fill={ground} />
      {crest === 1 && <path d="M15 11l1-6 3 4 2-5 2 5 3-3 0 6z" fill={feathers} />}
      {crest === 2 && <path d="M18 11c0-5 3-7 7-7-3 2-3 4-2 7z" fill={feathers} />}
      {crest === 3 && <path d="M12 13 9 7l6 3zM28 13l3-6-6 3z" fill={feathers} />}
      <path d="M8 40c0-8 3-12 5-15-2-9 2-15 7-15s9 6 7 15c2 3 5 7 5 15z" fill={feathers} />
      <path d="M14 40c0-7 2-11 6-11s6 4 6 11z" fill={belly} />
      <circle cx="16" cy="18.5" r={eye + 1.3} fill="#fff" />
      <circle cx="24" cy="18.5" r={eye + 1.3} fill="#fff" />
      <circle cx={16 + pick(23, 3) * 0.4} cy="18.7" r={eye} fill="#1c1917" />
      <circle cx={24 - pick(23, 3) * 0.4} cy="18.7" r={eye} fill="#1c1917" />
      <path d={pick(26, 2) === 0 ? "M17.5 22.5h5L20 26.5z" : "M17 22.5q3-2 6 0-1 4-3 4t-3-4z"} fill={beak} />
    </svg>
  );
});
