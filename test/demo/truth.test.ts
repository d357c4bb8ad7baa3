/** The demonstration against the same traffic in memory: one truth, and the same view of it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { ForesightRun } from '../../bench/foresightRun.ts';
import { attentive } from '../../bench/watchedWorld.ts';
import { runDemo } from '../../src/demo/demo.ts';
import type { DemoReport } from '../../src/demo/demo.ts';
import { removeFolder, temporaryFolder } from '../../src/operate/demoFolder.ts';
import { ATTENTION_RULES } from '../../src/poll/attention.ts';
import { INVENTED_WORLD, recordedTraffic, seedOf } from '../../src/simulator/traffics.ts';

const SEED = 3;
const PARTICIPANTS = ['99999004', '11111111'] as const;
const POLICY = 'EVENT_LIST';
const SECONDS = 600;

const folder = await mkdtemp(join(tmpdir(), 'balde-truth-'));
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const path = join(folder, 'traffic.csv');

/** 200 tokens that refill by 40 a minute, drained within some three minutes, by each participant at its time. */
const rows = Array.from({ length: SECONDS }, (_, second) =>
  PARTICIPANTS.flatMap((participant, i) => {
    const from = 120 + 60 * i;
    const charge = second >= from && second < from + 240 ? 2 : second === SECONDS - 1 ? 1 : 0;
    return charge === 0 ? [] : [`${second},${POLICY},${charge},0,${participant},0`];
  }),
).flat();
const text = `${['second,policy,charge,credit,participant,not_found', ...rows].join('\n')}\n`;

async function demonstrated(written: string): Promise<DemoReport> {
  const dataDir = await temporaryFolder();
  try {
    return await runDemo({
      ...{ dataDir, pulsar: null, seed: SEED, days: null, participants: 1, refill: 'lump' },
      schedule: { kind: 'adaptive', reservePercent: ATTENTION_RULES.reservePercent },
      ...{ traffic: path, writeTraffic: written, outcomes: { windowMs: 20_000, hidden: [], isUntidy: true } },
      logger: pino({ level: 'silent' }),
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
  } finally {
    await removeFolder(dataDir);
  }
}

async function inMemory(participant: string) {
  const { startAt, endAt, traffic } = await recordedTraffic(path, Date.UTC(2025, 0, 1), null);
  const world = { ...INVENTED_WORLD, seed: seedOf(SEED, participant), startAt, refill: 'lump' } as const;
  const run = new ForesightRun(world, attentive(startAt));
  for await (const part of traffic()) for (const row of part) if (row.participant === participant) run.take(row);
  return run.finish(endAt);
}

describe('[TRUTH-1] the demonstration of recorded traffic', () => {
  it('sees through the whole pipeline what the poller and the rules see in memory, and writes what it lived through', async () => {
    await writeFile(path, text);
    const written = join(folder, 'again.csv');
    const { participants, policies, invariants, truth, calls } = await demonstrated(written);
    expect([participants, policies]).toEqual([2, 58]);
    expect(Object.values(invariants).every(Boolean), JSON.stringify(invariants)).toBe(true);
    expect(calls?.reported_tokens).toBe(calls?.charged_tokens);
    expect(calls?.charged_tokens).toBeGreaterThan(400);
    expect(await readFile(written, 'utf8')).toBe(text);

    const [first, second] = [await inMemory(PARTICIPANTS[0]), await inMemory(PARTICIPANTS[1])];
    const mean = (of: (run: typeof first) => number): number => (of(first) + of(second)) / 2;
    expect(truth).toMatchObject({
      ...{ episodes: 2, list_episodes: 0, seen: 2, warned_before: 2, polls_refused: 0, bounds_violated: 0 },
      alerted_before: first.alertedBefore + second.alertedBefore,
      false_forecasts_per_day: mean((run) => run.falseForecastsPerDay),
      list_calls_per_minute: mean((run) => run.listCallsPerMinute),
      read_calls_per_minute: mean((run) => run.readCallsPerMinute),
      time_to_zero_80_coverage: mean((run) => run.timeToZero80Coverage ?? NaN),
      median_lead_seconds: mean((run) => run.medianLeadSeconds ?? NaN),
    });
  }, 120_000);
});
