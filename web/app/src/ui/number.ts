const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en");

/** A count as it fits beside an icon: `7`, `1.2K`. */
export function short(count: number): string {
  return count < 10_000 ? whole.format(count) : compact.format(count);
}

/** A count with its noun. */
export function counted(count: number, one: string, many: string): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
