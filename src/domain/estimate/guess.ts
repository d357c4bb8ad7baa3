/** A guess of what was consumed between two readings, and the 80 % interval around it. Pure. */

/**
 * Errors that guesses of each kind had, as shares of their scale: a tenth was further below, a tenth further above.
 * Measured on seeds 11 and 21 of the simulator, at polls every 5 minutes, every minute, adaptive (docs/consumption.md).
 * - `counted`: lumps counted, none brimmed over.
 * - `through`: likewise, but some of a lump may have brimmed over, and then less was consumed.
 * - `brimmed`: what came before the last lump that brimmed over is told by the rate of late.
 * - `drip`: all that dripped stayed; balances are rounded down to whole tokens.
 * - `occupancy`: part of what dripped found the bucket full.
 */
const ERRORS = {
  counted: { below: 0, above: 0 },
  through: { below: 0.8, above: 0 },
  brimmed: { below: 0.75, above: 0.95 },
  drip: { below: 0.5, above: 0.5 },
  occupancy: { below: 0.65, above: 0.9 },
} as const;

export interface Guess {
  readonly kind: keyof typeof ERRORS;
  /** Not negative. */
  readonly tokens: number;
  /** What its error is measured in. Tokens. */
  readonly scale: number;
  /** Nothing was guessed. */
  readonly isSure?: boolean;
}

/** Tokens, not rounded and not held to what can be proved. */
export function intervalOf({ kind, tokens, scale }: Guess): { readonly low: number; readonly high: number } {
  const { below, above } = ERRORS[kind];
  return { low: tokens - below * scale, high: tokens + above * scale };
}
