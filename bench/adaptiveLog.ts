/** What the poller publishes with its default schedule: lists, and reads of one policy between them. */
import type { PolicyStateObserved } from '../src/domain/events.ts';
import type { RefillMode } from '../src/simulator/tokenBucket.ts';
import { INVENTED_WORLD, inventedTraffic } from '../src/simulator/traffics.ts';
import { START } from './common.ts';
import { attentive, Watched } from './watchedWorld.ts';

export interface AdaptiveOptions {
  readonly seed: number;
  readonly days: number;
  readonly refill: RefillMode;
}

/** The observations of one answer after the other, of one simulated participant. */
export async function* adaptivePolls(options: AdaptiveOptions): AsyncGenerator<readonly PolicyStateObserved[]> {
  const { seed, days, refill } = options;
  const { endAt, traffic } = inventedTraffic({ seed, startAt: START, days, participants: 1 });
  const answers: (readonly PolicyStateObserved[])[] = [];
  const world = { ...INVENTED_WORLD, seed, refill, startAt: START };
  const watched = new Watched(world, attentive(START), (observations) => {
    if (observations !== null) answers.push(observations);
  });
  for await (const rows of traffic()) {
    for (const row of rows) watched.take(row);
    yield* answers.splice(0);
  }
  watched.callUntil(endAt);
  yield* answers;
}
