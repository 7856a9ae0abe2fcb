import { useEffect, useState } from "react";
import { useUserSearch } from "./pages.js";

/** A value that follows another after it has rested for some milliseconds. */
export function useRested<T>(value: T, milliseconds: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return rested;
}

/** People for what somebody types, as they type: asks when the text has rested for 120 ms. */
export function useSearch(text: string, { first = 6 }: { readonly first?: number } = {}) {
  const query = useRested(text.trim().replace(/^@/, ""), 120);
  return { query, ...useUserSearch(query, { first, skip: query === "" }) };
}
