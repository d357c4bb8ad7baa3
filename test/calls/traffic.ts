/** Traffic of two systems that report their calls, of others that don't, and what was seen of the bucket meanwhile. */
import { openOutcomesPublisher } from '../../src/calls/publish.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { RefillMode } from '../../src/simulator/tokenBucket.ts';
import { seeded } from '../faults/seeded.ts';
import { MINUTE, NOON, observation } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { never } from '../support/topics.ts';

export const ANTISCAN = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';
const SIZE = { capacity: 5_000, refillTokens: 2_500, refillPeriodSec: 60 };

interface Traffic {
  readonly policy: string;
  readonly mode: RefillMode;
  /** Of the refill: what the reported calls use, and what others do. */
  readonly own: number;
  readonly hidden: number;
  readonly seed: number;
  readonly minutes?: number;
}

type Counts = Pick<RequestOutcomesObserved, 'status200' | 'status404' | 'status429' | 'paymentOrderCredits'>;

export interface Happened {
  readonly seen: readonly PolicyStateObserved[];
  readonly windows: readonly RequestOutcomesObserved[];
  /** Tokens that others used, by second. */
  readonly hidden: readonly number[];
}

/** Calls second by second, in two sources that report them with clocks that are off; polls at uneven times. */
export function happen({ policy, mode, own, hidden, seed, minutes = 120 }: Traffic): Happened {
  const random = seeded(seed);
  const bucket = new TokenBucket({
    ...SIZE,
    mode,
    startAt: NOON,
    phaseMs: 17_000,
    refusedCost: 0,
  });
  const perSecond = SIZE.refillTokens / SIZE.refillPeriodSec;
  const windows = new Map<string, RequestOutcomesObserved>();
  const [seen, taken]: [PolicyStateObserved[], number[]] = [[], []];
  const report = (source: string, at: number, counts: Counts): void => {
    const windowStart = Math.floor(at / MINUTE) * MINUTE;
    const completeUpTo = NOON + (minutes + 5) * MINUTE;
    const window = windows.get(`${source} ${windowStart}`) ?? outcomes({ policy, source, windowStart, completeUpTo });
    const sum = (name: keyof typeof counts): number => window[name] + counts[name];
    windows.set(`${source} ${windowStart}`, {
      ...window,
      ...{ status200: sum('status200'), status404: sum('status404'), status429: sum('status429') },
      paymentOrderCredits: sum('paymentOrderCredits'),
    });
  };
  let due = NOON;
  for (let second = 0; second < minutes * 60; second += 1) {
    const at = NOON + second * 1_000;
    // Busy and quiet in turn, so that the bucket is full at times.
    const wave = 1 + 0.7 * Math.sin(second / 900);
    const [payments, batch] = [own * 0.7, own * 0.3].map((part) =>
      Math.floor(perSecond * part * wave + random.between(0, 1)),
    );
    for (const [source, count = 0, clock] of [
      ['payments', payments, 900],
      ['batch', batch, -900],
    ] as const) {
      let [found, none, refused] = [0, 0, 0];
      for (let i = 0; i < count; i += 1) {
        const isNone = random.between(0, 1) < 0.05;
        if (!bucket.request(at, isNone && policy === ANTISCAN ? 3 : 1)) refused += 1;
        else if (isNone) none += 1;
        else found += 1;
      }
      const credits = policy === ANTISCAN ? Math.floor(found * 0.8) : 0;
      if (credits > 0) bucket.credit(at, credits);
      const counts = {
        status200: found,
        status404: none,
        status429: refused,
        paymentOrderCredits: credits,
      };
      report(source, at + clock + random.between(-900, 900), counts);
    }
    const others = Math.floor(perSecond * hidden + random.between(0, 1));
    taken.push(hidden === 0 ? 0 : bucket.requestMany(at, others, 1));
    if (at < due) continue;
    const jitter = Math.round(random.between(-240, 240));
    const values = {
      policy,
      ...SIZE,
      availableTokens: bucket.tokensAt(at),
      responseTime: at + jitter,
    };
    seen.push(observation(values));
    due = at + random.between(4, 40) * 1_000;
  }
  return { seen, windows: [...windows.values()], hidden: taken };
}

/** By a clock that is past all tests. */
export async function reportCalls(log: EventLog, windows: readonly RequestOutcomesObserved[]): Promise<void> {
  const publisher = await openOutcomesPublisher(log, () => Date.UTC(2090, 0), never);
  await publisher.publish(windows);
  await publisher.close();
}
