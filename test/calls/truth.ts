/** What windows of calls come to, worked out a second time, in other ways than Balde does. */
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { ANTISCAN } from './traffic.ts';

type Windows = readonly RequestOutcomesObserved[];

/** Those that begin in a range. */
export const begunIn = (windows: Windows, from: number, to: number): Windows =>
  windows.filter(({ windowStart: at }) => at >= from && at < to);

const costOf = ({ policy, status200, status404, statusOther }: RequestOutcomesObserved): number =>
  policy === ANTISCAN ? status200 + 3 * status404 : status200 + status404 + statusOther;

const total = (windows: Windows, of: (one: RequestOutcomesObserved) => number): number =>
  windows.reduce((sum, one) => sum + of(one), 0);

/**
 * Percent, with the interval: the shares p for which the one that was seen is not more than 1.96 standard deviations
 * away, found by halving.
 */
export function rateOf(windows: Windows) {
  const queries = total(windows, (one) => one.status200 + one.status404);
  const notFound = total(windows, (one) => one.status404);
  const seen = notFound / queries;
  const fits = (p: number): boolean => (seen - p) ** 2 <= (1.959963984540054 ** 2 * p * (1 - p)) / queries;
  const edge = (outside: number): number => {
    let [out, inside] = [outside, seen];
    for (let i = 0; i < 200; i += 1) {
      const middle = (out + inside) / 2;
      [out, inside] = fits(middle) ? [out, middle] : [middle, inside];
    }
    return 100 * inside;
  };
  return { queries, not_found: notFound, rate: 100 * seen, low: edge(0), high: edge(1) };
}

/** Most tokens first. */
export function sharesOf(windows: Windows) {
  const all = total(windows, costOf);
  const names = [...new Set(windows.map(({ source, operation }) => `${source} ${operation}`))];
  return names
    .map((name) => {
      const own = windows.filter(({ source, operation }) => `${source} ${operation}` === name);
      const tokens = total(own, costOf);
      return { name, tokens, share: (100 * tokens) / all };
    })
    .sort((a, b) => b.tokens - a.tokens);
}
