import { afterEach, describe, expect, it } from 'vitest';
import { Attention, ATTENTION_RULES } from '../../src/poll/attention.ts';
import type { DueAsk } from '../../src/poll/attention.ts';
import { checkSchedule, paceOf, ticks } from '../../src/poll/schedule.ts';
import type { Schedule } from '../../src/poll/schedule.ts';
import { manualClock, settle } from './manualClock.ts';

const FIVE_MINUTES: Schedule = { kind: 'cron', expression: '*/5 * * * *' };
const MINUTE = 60_000;
const HOUR = 3_600_000;

const stop: (() => void)[] = [];
afterEach(() => {
  stop.splice(0).forEach((one) => one());
});

function follow(schedule: Schedule, start: string, immediate = false) {
  const clock = manualClock(Date.parse(start));
  const abort = new AbortController();
  const seen: string[] = [];
  let completed = false;
  const subscription = ticks(paceOf(schedule, clock.now()), { clock, signal: abort.signal, immediate }).subscribe({
    next: ({ at }) => seen.push(new Date(at).toISOString().slice(11, 19)),
    complete: () => (completed = true),
  });
  stop.push(() => subscription.unsubscribe());
  return { clock, abort, seen, subscription, completed: () => completed };
}

describe('cron ticks [POLL-6]', () => {
  it('fall on the minutes of the expression', async () => {
    const { clock, seen } = follow(FIVE_MINUTES, '2026-09-20T12:03:10.250Z');
    await clock.advance(15 * MINUTE);
    expect(seen).toEqual(['12:05:00', '12:10:00', '12:15:00']);
  });

  it('tell which one is due next, once', async () => {
    const clock = manualClock(Date.parse('2026-09-20T12:03:10Z'));
    const due: string[] = [];
    const options = {
      ...{ clock, signal: new AbortController().signal, immediate: false },
      onDue: (next: DueAsk) => due.push(`${new Date(next.at).toISOString().slice(11, 19)} ${next.reason}`),
    };
    const subscription = ticks(paceOf(FIVE_MINUTES, clock.now()), options).subscribe();
    await clock.advance(6 * MINUTE);
    subscription.unsubscribe();
    expect(due).toEqual(['12:05:00 schedule', '12:10:00 schedule']);
  });

  it('tick once at once when asked to', async () => {
    const { clock, seen } = follow(FIVE_MINUTES, '2026-09-20T12:03:10Z', true);
    await clock.advance(5 * MINUTE);
    expect(seen).toEqual(['12:03:10', '12:05:00']);
  });

  it.each(['America/New_York', 'America/Sao_Paulo', 'Australia/Lord_Howe'])(
    'are in UTC, also across a change to summer time in %s',
    async (zone) => {
      const before = process.env['TZ'];
      process.env['TZ'] = zone;
      try {
        expect(Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(zone);
        for (const day of ['2026-03-08', '2026-11-01', '2018-11-04', '2026-10-03']) {
          const { clock, seen } = follow({ kind: 'cron', expression: '30 2,7 * * *' }, `${day}T00:00:00Z`);
          await clock.advance(24 * HOUR);
          expect(seen).toEqual(['02:30:00', '07:30:00']);
        }
      } finally {
        if (before === undefined) delete process.env['TZ'];
        else process.env['TZ'] = before;
      }
    },
  );

  it('wait longer than a timer of Node can', async () => {
    const { clock, seen } = follow({ kind: 'cron', expression: '0 0 1 1 *' }, '2026-12-01T00:00:00Z');
    await clock.advance(10 * MINUTE);
    expect(seen).toEqual([]);
    expect(Math.max(...clock.sleeping())).toBeLessThan(2 ** 31);
  });
});

describe('interval ticks', () => {
  it('keep their distance without drifting', async () => {
    const { clock, seen } = follow({ kind: 'every', ms: 90_000 }, '2026-09-20T12:00:00Z');
    await clock.advance(5 * MINUTE);
    expect(seen).toEqual(['12:01:30', '12:03:00', '12:04:30']);
  });
});

describe.each([
  ['cron', FIVE_MINUTES],
  ['interval', { kind: 'every', ms: 5 * MINUTE } satisfies Schedule],
] as const)('a clock that jumps, %s', (_, schedule) => {
  it('makes one tick when it jumps forward over many [POLL-2, POLL-6]', async () => {
    const { clock, seen } = follow(schedule, '2026-09-20T12:00:00Z');
    await clock.advance(5 * MINUTE);
    clock.set(Date.parse('2026-09-21T08:00:00Z'));
    await clock.advance(4 * MINUTE);
    expect(seen).toHaveLength(2);
    expect(seen[1]?.slice(0, 5)).toBe('08:00');
    await clock.advance(2 * MINUTE);
    expect(seen).toHaveLength(3);
  });

  it('starts over when it steps back far, and waits no longer than one interval', async () => {
    const { clock, seen } = follow(schedule, '2026-09-20T12:00:00Z');
    await clock.advance(6 * MINUTE);
    clock.set(Date.parse('2026-09-19T12:00:00Z'));
    await clock.advance(5 * MINUTE + 30_000);
    expect(seen).toHaveLength(2);
    expect(seen[1]?.slice(0, 4)).toBe('12:0');
  });

  it('does not tick again for the tick it just made when it is adjusted by a little', async () => {
    const { clock, seen } = follow(schedule, '2026-09-20T12:00:00Z');
    await clock.advance(5 * MINUTE);
    clock.set(Date.parse('2026-09-20T12:04:59.900Z'));
    await clock.advance(4 * MINUTE);
    expect(seen).toEqual(['12:05:00']);
  });
});

describe('the end of the ticks', () => {
  it('comes at once when the signal aborts in the middle of a wait', async () => {
    const { clock, abort, completed } = follow(FIVE_MINUTES, '2026-09-20T12:01:00Z');
    await settle();
    abort.abort();
    await settle();
    expect(completed()).toBe(true);
    expect(clock.sleeping()).toEqual([]);
  });

  it('comes with the end of the subscription', async () => {
    const { clock, subscription } = follow(FIVE_MINUTES, '2026-09-20T12:01:00Z');
    await settle();
    subscription.unsubscribe();
    await settle();
    expect(clock.sleeping()).toEqual([]);
  });
});

describe('checkSchedule', () => {
  it.each([
    [{ kind: 'cron', expression: 'every five minutes' }, "can't be parsed"],
    [{ kind: 'cron', expression: '61 * * * *' }, "can't be parsed"],
    [{ kind: 'cron', expression: '0 0 30 2 *' }, 'never fires'],
    [{ kind: 'every', ms: 0 }, 'no schedule'],
    [{ kind: 'every', ms: 1.5 }, 'no schedule'],
  ] as const)('refuses %j', (schedule, message) => {
    expect(() => checkSchedule(schedule)).toThrow(RangeError);
    expect(() => checkSchedule(schedule)).toThrow(message);
  });
});

describe('adaptive ticks [POLL-8]', () => {
  const size = { capacity: 100, refillTokens: 10, refillPeriodSec: 60 };
  const low = { policy: 'CLAIMS_READ', availableTokens: 40, ...size };

  function attend(immediate: boolean) {
    const clock = manualClock(Date.parse('2026-09-20T12:03:10Z'));
    const attention = new Attention(ATTENTION_RULES, clock.now());
    const seen: number[] = [];
    const reasons: string[] = [];
    const abort = new AbortController();
    const subscription = ticks(attention, { clock, signal: abort.signal, immediate }).subscribe((tick) => {
      attention.asked(tick, tick.at);
      seen.push(tick.at);
      reasons.push(tick.reason);
    });
    stop.push(() => subscription.unsubscribe());
    return { clock, attention, seen, reasons };
  }

  it('come at once and then every half minute at most', async () => {
    const { clock, seen } = attend(true);
    await clock.advance(10 * MINUTE);
    expect(seen.length).toBeGreaterThanOrEqual(21);
    expect(Math.max(...seen.slice(1).map((at, i) => at - (seen[i] ?? at)))).toBeLessThanOrEqual(31_000);
  });

  it('come within seconds of an answer that asks for it, whatever was due before', async () => {
    const { clock, attention, seen } = attend(true);
    await clock.advance(2_000);
    attention.learn([{ ...low, responseTime: clock.now() }], clock.now());
    await clock.advance(10_000);
    expect(seen).toHaveLength(2);
  });

  it('wait for the first interval when no poll is to come at once', async () => {
    const { clock, seen } = attend(false);
    await clock.advance(25_000);
    expect(seen).toEqual([]);
    await clock.advance(6_000);
    expect(seen).toHaveLength(1);
  });

  it('go on after the clock was set back', async () => {
    const { clock, seen, reasons } = attend(true);
    await clock.advance(1_000);
    clock.set(clock.now() - HOUR);
    await clock.advance(2_000);
    expect(seen).toHaveLength(2);
    expect(reasons).toEqual(['elected', 'clock']);
  });
});
