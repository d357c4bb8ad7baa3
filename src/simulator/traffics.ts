/** Whose traffic there is, and what it is: invented from a seed, or read from a file. */
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import { demandOf } from './demand.ts';
import { SIMULATED_PARTICIPANT } from './participant.ts';
import { hash, hashText } from './random.ts';
import { readTraffic, surveyTraffic } from './trafficFile.ts';
import type { Traffic, TrafficRow } from './trafficFile.ts';
import type { WorldOptions } from './world.ts';

/** What invented traffic is for: a participant whose antiscan bucket is small enough to be emptied. */
export const INVENTED_WORLD = { category: 'G', categoryChangesPerDay: 0.25 } as const satisfies Partial<WorldOptions>;

export interface TrafficPlan {
  readonly participants: readonly string[];
  readonly startAt: EpochMs;
  /** When it is over. */
  readonly endAt: EpochMs;
  /** May be asked for several times, and is the same each time. Every row names its participant. */
  readonly traffic: () => Traffic;
}

/** Of a participant's own: the first simulated one has the run's. */
export const seedOf = (seed: number, participant: string): number =>
  participant === SIMULATED_PARTICIPANT ? seed : hash(seed, hashText(participant));

/** `99999004` and those after it: no participant of Pix has these numbers. */
const simulatedParticipants = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => String(Number(SIMULATED_PARTICIPANT) + i));

export interface InventedOptions {
  readonly seed: number;
  readonly startAt: EpochMs;
  readonly days: number;
  readonly participants: number;
}

/** Demand of the given number of participants, by {@link demandOf}. */
export function inventedTraffic({ seed, startAt, days, participants: count }: InventedOptions): TrafficPlan {
  const participants = simulatedParticipants(count);
  function* traffic(): Generator<readonly TrafficRow[]> {
    const demands = participants.map((participant) => ({
      participant,
      demand: demandOf({ seed: seedOf(seed, participant), startAt, days, category: INVENTED_WORLD.category }),
    }));
    for (;;) {
      // Each gives its next minute.
      const parts = demands.map(({ participant, demand }) => {
        const part = demand.next();
        return part.done === true ? null : part.value.map((row) => ({ ...row, participant }));
      });
      if (parts.includes(null)) return;
      yield parts.flatMap((part) => part ?? []).sort((a, b) => a.second - b.second);
    }
  }
  return { participants, startAt, endAt: startAt + days * DAY_MS, traffic };
}

/**
 * Of a file, whole or only its first `days`. Rows without a participant are the simulated one's.
 * @throws {TrafficFileError} the file can't be used
 */
export async function recordedTraffic(path: string, startAt: EpochMs, days: number | null): Promise<TrafficPlan> {
  const survey = await surveyTraffic(path);
  const participants = survey.participants.length === 0 ? [SIMULATED_PARTICIPANT] : survey.participants;
  const endAt = startAt + (days === null ? survey.seconds * 1000 : Math.min(days * DAY_MS, survey.seconds * 1000));
  async function* traffic(): AsyncGenerator<readonly TrafficRow[]> {
    for await (const rows of readTraffic(path, startAt))
      yield rows.map((row) => ({ ...row, participant: row.participant ?? SIMULATED_PARTICIPANT }));
  }
  return { participants, startAt, endAt, traffic };
}
