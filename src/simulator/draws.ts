/** Random quantities by counter, see random.ts. */
import { uniform } from './random.ts';

/** Standard normal (Box and Muller). Uses two counters: the given one and the next. */
export function normal(seed: number, counter: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, counter)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, counter + 1));
}

/** From this mean on a Poisson distribution is drawn as a normal one. */
const NEARLY_NORMAL = 20;
/** No Poisson count of a mean below {@link NEARLY_NORMAL} gets there: stops the search where rounding would not. */
const MOST = 200;

/** How many of the events that are expected `mean` times happen. Uses two counters: the given one and the next. */
export function poisson(mean: number, seed: number, counter: number): number {
  if (mean <= 0) return 0;
  if (mean >= NEARLY_NORMAL) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(seed, counter)));
  let left = uniform(seed, counter);
  let probability = Math.exp(-mean);
  let count = 0;
  while (left >= probability && count < MOST) {
    left -= probability;
    count += 1;
    probability *= mean / count;
  }
  return count;
}

/** In [low, high), each doubling as likely as the next. Both above zero. */
export const logBetween = (seed: number, counter: number, low: number, high: number): number =>
  low * (high / low) ** uniform(seed, counter);
