/** What simulated systems report of their calls, into a file that `balde outcomes import` takes. */
import { appendFile, writeFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { SimulatedReports } from '../simulator/outcomes.ts';
import type { OutcomesOptions } from '../simulator/outcomes.ts';
import { seedOf } from '../simulator/traffics.ts';
import type { TrafficPlan } from '../simulator/traffics.ts';
import type { Answered } from '../simulator/world.ts';
import type { WorldBridge } from '../simulator/worldBridge.ts';

interface WritingOptions extends Required<Pick<OutcomesOptions, 'windowMs' | 'hidden'>> {
  /** Is replaced. */
  readonly file: string;
  readonly plan: TrafficPlan;
  readonly seed: number;
  readonly clock: Clock;
}

/** Bridge and clock live on; windows are written as they end. */
export async function writeReports({ file, plan, seed, clock, windowMs, hidden }: WritingOptions) {
  await writeFile(file, '');
  const reports = new Map(
    plan.participants.map((participant) => [
      participant,
      new SimulatedReports({ participant, seed: seedOf(seed, participant), windowMs, hidden }),
    ]),
  );
  const onAnswered = (participant: string, answered: Answered): void => reports.get(participant)?.take(answered);
  const run = async (bridge: WorldBridge, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const now = clock.now();
      await bridge.live(now);
      const lines = [...reports.values()]
        .flatMap((one) => one.until(now))
        .map((window) => `${JSON.stringify(window)}\n`);
      await appendFile(file, lines.join(''));
      await clock.sleep(windowMs - (now % windowMs), signal).catch(() => undefined);
    }
  };
  return { onAnswered, run };
}
