/** Alerts and samples for the tests of the analysis. */
import type { Alert } from '../../src/analysis/alerts.ts';
import type { DemandSample } from '../../src/analysis/categorySimulation.ts';
import { gauge } from '../../src/domain/estimate/consumption.ts';
import type { Gauge } from '../../src/domain/estimate/consumption.ts';
import { consumptionBetween } from '../../src/domain/enrichment.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';

/** An alert from one minute after noon to another; open without an end. */
export const alert = (from: number, to: number | null = null, with_: Partial<Alert> = {}): Alert => ({
  alertId: `alert ${from}`,
  participant: PARTICIPANT,
  policy: 'CLAIMS_READ',
  severity: 'WARNING',
  raisedAt: NOON + from * MINUTE,
  resolvedAt: to === null ? null : NOON + to * MINUTE,
  raiseReason: 'THRESHOLD',
  resolveReason: to === null ? null : 'RECOVERED',
  availableTokens: 200,
  capacity: 1000,
  ruleVersion: 'w20-c10-m0-n1',
  ...with_,
});

export const at = (minutes: number): number => NOON + minutes * MINUTE;

/** Samples of one bucket, as history holds them; the policy decides whether credits are in doubt. */
export function samples(
  policy: string,
  given: readonly (readonly [minutes: number, tokens: number])[],
  size = { capacity: 1000, refillTokens: 100, refillPeriodSec: 60 },
): DemandSample[] {
  let known: Gauge | undefined;
  return given.map(([minutes, tokens], i) => {
    const sample = (t: number, availableTokens: number) => ({
      ...size,
      ...{ policy, availableTokens, category: 'F', responseTime: at(t) },
    });
    const [before, after] = [given[i - 1], sample(minutes, tokens)];
    const earlier = before === undefined ? null : sample(...before);
    const consumption = earlier === null ? null : consumptionBetween(policy, earlier, after);
    const gauged = gauge(known, earlier, after, consumption);
    known = gauged.gauge;
    return {
      response_time: at(minutes),
      available_tokens: tokens,
      capacity: size.capacity,
      refill_tokens: size.refillTokens,
      refill_period_sec: size.refillPeriodSec,
      consumption_low: consumption?.low ?? null,
      consumption_high: consumption?.high ?? null,
      consumption_estimate: gauged.estimate?.tokens ?? null,
    };
  });
}
