/** Estimates beside the oracle, which knows the bounds alone. */
import { expect } from 'vitest';
import type { Cell, OracleRow } from './arithmetic.ts';

/** A row of the fold's tables under the names that the views give it. */
export function asShown(row: OracleRow): OracleRow {
  const { event_id: id = null, exhaustion_seconds: exhaustion = null, gauge: _gauge, ...others } = row;
  const { estimated_rate_per_minute: rate = null, ...rest } = others;
  return { ...rest, id, exhaustion_projection_seconds: exhaustion, consumption_rate_per_minute: rate };
}

/** What is estimated is judged by the simulator's truth elsewhere; here, that it agrees with the bounds. */
export function withoutEstimate(row: OracleRow): OracleRow {
  const { consumption_estimate: tokens, consumption_low80: low80, consumption_high80: high80, ...others } = row;
  const { consumption_method: method, consumption_rate_per_minute: rate, ...rest } = others;
  const { consumption_low: low, consumption_high: high } = rest;
  if (low === null) expect([method, tokens, low80, high80, rate]).toEqual([null, null, null, null, null]);
  else if (method === 'bound') expect([tokens, low80, high80, rate]).toEqual([null, null, null, null]);
  else {
    expect(['exact', 'phase', 'drip', 'occupancy']).toContain(method);
    const ordered = [low, low80, tokens, high80, high ?? Infinity].map(Number);
    expect(ordered).toEqual(ordered.toSorted((a, b) => a - b));
    expect(Number(rate)).toBeGreaterThanOrEqual(Number(rest['consumption_rate_low_per_minute']) - 1e-9);
  }
  return rest;
}

/** Estimated rates of history, by bucket and time of the observation. */
export type Rates = ReadonlyMap<string, Cell>;

const rateKey = ({ participant, endpoint_id: policy }: OracleRow, at: Cell | undefined): string =>
  JSON.stringify([participant, policy, at]);

/** @param history under the names that the views give it */
export const ratesOf = (history: readonly OracleRow[]): Rates =>
  new Map(history.map((row) => [rateKey(row, row['response_time']), row['consumption_rate_per_minute'] ?? null]));

const RATE = 'consumption_rate_per_minute';

/**
 * An alert, or its event, says what history does of the observation that it is of: without one, nothing.
 * @param unlike fields that don't count
 */
export function withoutRate(event: OracleRow, at: number, rates: Rates, unlike: readonly string[] = []): OracleRow {
  if (!unlike.includes(RATE)) expect(event[RATE]).toBe(rates.get(rateKey(event, at)) ?? null);
  return Object.fromEntries(Object.entries(event).filter(([name]) => name !== RATE && !unlike.includes(name)));
}
