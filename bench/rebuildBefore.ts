/**
 * Rebuild of `states` beside the program of another checkout, on the same log in the same run: lists and reads of one
 * policy, as the adaptive schedule makes them, of participants whose refill lumps and of others into which it drips.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../src/packageRoot.ts';
import type { PolicyStateObserved } from '../src/domain/events.ts';
import { observationId, pollIdentity } from '../src/domain/identity.ts';
import { openDatabase } from '../src/store/database.ts';
import { adaptivePolls } from './adaptiveLog.ts';
import { balde } from './command.ts';
import { install, median, onServer, PARTICIPANT } from './common.ts';
import { fillEmbedded } from './fillLogs.ts';

/** What a participant's day has, about. */
const EVENTS_A_DAY = 120_000;

/** The same day for each of a number of participants: buckets of their own. */
async function* mixedAnswers(participants: number): AsyncGenerator<readonly PolicyStateObserved[]> {
  for (const [parity, refill] of (['lump', 'drip'] as const).entries()) {
    for await (const answer of adaptivePolls({ seed: 5, days: 1, refill })) {
      for (let n = parity; n < participants; n += 2) yield ofAnother(answer, String(Number(PARTICIPANT) + n));
    }
  }
}

const ofAnother = (answer: readonly PolicyStateObserved[], participant: string): readonly PolicyStateObserved[] =>
  answer.map((event) => ({
    ...event,
    participant,
    eventId: observationId(participant, event.policy, event.responseTime),
    pollId: pollIdentity(participant, event.observedAt, answer.length === 1 ? event.policy : null),
  }));

export interface BeforeOptions {
  /** A checkout that is built. */
  readonly folder: string;
  /** At least so many, in whole days of participants. */
  readonly events: number;
  readonly rounds: number;
}

export async function compareWithBefore({ folder, events, rounds }: BeforeOptions): Promise<void> {
  const roots = { before: folder, now: packageRoot } as const;
  await onServer(async (createDatabase) => {
    const urls = { before: await createDatabase('before'), now: await createDatabase('now') };
    // The other program's own database, as it leaves it.
    const itsCommon = pathToFileURL(join(folder, 'dist', 'bench', 'common.js')).href;
    const its = (await import(itsCommon)) as { readonly install: typeof install };
    await (await its.install(urls.before)).close();
    await (await install(urls.now)).close();
    const filled = await fill([urls.before, urls.now], Math.max(2, Math.ceil(events / EVENTS_A_DAY)));
    console.log(`${filled.toLocaleString('en')} events of lists and of single policies, ${rounds} rounds by turns`);
    const rates: Record<keyof typeof roots, number[]> = { before: [], now: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const side of round % 2 === 0 ? (['before', 'now'] as const) : (['now', 'before'] as const)) {
        const rate = await rebuildRate(urls[side], roots[side], filled);
        rates[side].push(rate);
        console.log(`${side.padEnd(6)} ${Math.round(rate).toLocaleString('en').padStart(9)}/s`);
      }
    }
    const ratios = rates.now.map((rate, i) => rate / (rates.before[i] ?? NaN));
    const ends = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    console.log(`now over before: ${median(ratios).toFixed(2)} (${ends})`);
  });
}

async function fill(urls: readonly string[], participants: number): Promise<number> {
  const databases = urls.map((url) => openDatabase({ url, poolSize: 1 }));
  try {
    return await fillEmbedded(databases, mixedAnswers(participants));
  } finally {
    for (const database of databases) await database.close();
  }
}

/** Events per second of the command, everything included. */
async function rebuildRate(url: string, root: string, events: number): Promise<number> {
  interface Rebuilt {
    readonly events: number;
    readonly total_seconds: number;
  }
  const { report } = await balde<Rebuilt>(url, ['rebuild', 'states'], root);
  if (report.events !== events) throw new Error(`${report.events} of ${events} events were read`);
  return events / report.total_seconds;
}
