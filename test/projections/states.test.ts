import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statesProjection } from '../../projections/states/fold.ts';
import { anyLog, left, NOON, MINUTE, observation } from '../support/observations.ts';
import { listOf, run, states } from './drive.ts';
import type { Row } from './drive.ts';

const column = (rows: readonly Row[], name: string): unknown[] => rows.map((row) => row[name]);

describe('given a first observation', () => {
  const { history, latest, policies } = states([left(500)]);

  it('then there is a row without what needs a predecessor', () => {
    expect(listOf(history)).toEqual(listOf(latest));
    expect(listOf(history)[0]).toMatchObject({
      participant: '12345678',
      endpoint_id: 'CLAIMS_READ',
      response_time: NOON,
      event_id: observation().eventId,
      available_tokens: 500,
      psp_category: 'G',
      utilization_percent: 50,
      recovery_eta_seconds: 300,
      net_drain_per_minute: null,
      consumption_low: null,
      consumption_high: null,
      consumption_exact: null,
      ...{ consumption_rate_low_per_minute: null, estimated_rate_per_minute: null, exhaustion_seconds: null },
      ...{ consumption_estimate: null, consumption_low80: null, consumption_high80: null, consumption_method: null },
      error_404_rate: null,
      blind_seconds: null,
    });
  });

  it('and the policy is known since then', () => {
    expect(listOf(policies)).toEqual([
      {
        participant: '12345678',
        endpoint_id: 'CLAIMS_READ',
        capacity: 1000,
        refill_tokens: 100,
        refill_period_sec: 60,
        psp_category: 'G',
        created_at: NOON,
        updated_at: NOON,
      },
    ]);
  });
});

describe('given one observation, when a newer one comes', () => {
  it('then it is compared with it and becomes the latest', () => {
    const { history, latest } = states([left(500), left(300, 5)]);
    expect(column(listOf(history), 'available_tokens')).toEqual([500, 300]);
    expect(listOf(latest)).toHaveLength(1);
    expect(listOf(latest)[0]).toMatchObject({
      available_tokens: 300,
      net_drain_per_minute: 40,
      // Four to six refills of 100.
      consumption_low: 600,
      consumption_high: 800,
      consumption_exact: false,
      consumption_rate_low_per_minute: 120,
      exhaustion_seconds: 450,
      ...{ consumption_estimate: null, consumption_method: 'bound', estimated_rate_per_minute: null },
      // Three lumps of 100 are two minutes apart.
      blind_seconds: 180,
    });
  });

  it('then bounds that meet are the estimate', () => {
    // Six refills of 100 are all that can have come: nothing was consumed.
    const { latest } = states([left(200), left(800, 5)]);
    expect(listOf(latest)[0]).toMatchObject({
      ...{ consumption_low: 0, consumption_high: 0, consumption_exact: true, consumption_rate_low_per_minute: 0 },
      ...{ consumption_estimate: 0, consumption_low80: 0, consumption_high80: 0, consumption_method: 'exact' },
      estimated_rate_per_minute: 0,
    });
  });

  it('then an unchanged policy is not written again', () => {
    const changes = run(statesProjection, [left(500), left(300, 5)]);
    expect(changes.filter((change) => change.table === 'policies')).toHaveLength(1);
  });

  it.each([
    ['capacity', { capacity: 2000 }],
    ['refill', { refillTokens: 7 }],
    ['period', { refillPeriodSec: 30 }],
    ['category', { category: 'H' }],
  ])('with another %s, then the policy says so and keeps its first day', (_what, with_) => {
    const { policies } = states([left(500), left(300, 5, with_)]);
    expect(listOf(policies)[0]).toMatchObject({ created_at: NOON, updated_at: NOON + 5 * MINUTE });
  });
});

describe('given observations, when an older one comes late', () => {
  const { history, latest } = states([left(500), left(300, 10), left(400, 5)]);

  it('then it is kept, compared with nothing, and the latest stays', () => {
    expect(listOf(history)).toHaveLength(3);
    const late = listOf(history).find((row) => row['response_time'] === NOON + 5 * MINUTE);
    expect(late).toMatchObject({ available_tokens: 400, consumption_low: null, blind_seconds: null });
    expect(late).toMatchObject({ consumption_estimate: null, consumption_method: null, gauge: null });
    expect(listOf(latest)[0]).toMatchObject({ available_tokens: 300, blind_seconds: 480 });
  });

  it('then its successor is compared with the newest, not with it', () => {
    const rows = listOf(states([left(500), left(300, 10), left(400, 5), left(200, 15)]).history);
    expect(rows.at(-1)).toMatchObject({ available_tokens: 200, net_drain_per_minute: 20 });
  });
});

describe('redelivery', () => {
  it('of the newest observation changes nothing', () => {
    expect(states([left(500), left(300, 5), left(300, 5)])).toEqual(states([left(500), left(300, 5)]));
  });

  it('of everything changes nothing', () => {
    const log = [left(500), left(300, 10), left(400, 5), left(900, 15)];
    expect(states([...log, ...log])).toEqual(states(log));
  });

  it('of one identity with other values keeps the first', () => {
    const { history, latest } = states([left(500), left(499)]);
    expect(column(listOf(history), 'available_tokens')).toEqual([500]);
    expect(column(listOf(latest), 'available_tokens')).toEqual([500]);
  });
});

describe('for all logs', () => {
  it('folding each event twice equals folding it once [FOLD-4]', () => {
    fc.assert(
      fc.property(anyLog(), (log) => {
        expect(states(log.flatMap((event) => [event, event]))).toEqual(states(log));
      }),
    );
  });

  it('history holds every identity once, and the latest is its newest', () => {
    fc.assert(
      fc.property(anyLog(), (log) => {
        const { history, latest } = states(log);
        expect(column(listOf(history), 'event_id').sort()).toEqual([...new Set(log.map((e) => e.eventId))].sort());
        for (const row of listOf(latest)) {
          const times = listOf(history).filter((r) => r['endpoint_id'] === row['endpoint_id']);
          expect(row['response_time']).toBe(Math.max(...times.map((r) => Number(r['response_time']))));
        }
      }),
    );
  });
});
