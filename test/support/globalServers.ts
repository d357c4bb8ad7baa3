/** The servers of the whole run, started beside one another. */
import type { TestProject } from 'vitest/node';
import startPostgres from './globalPostgres.ts';
import startPulsar from './globalPulsar.ts';

type Teardown = () => Promise<void>;

export default async function setup(project: TestProject): Promise<Teardown> {
  const started = await Promise.allSettled([startPostgres(project), startPulsar(project)]);
  const stop = async (): Promise<void> => {
    for (const one of started) if (one.status === 'fulfilled') await one.value?.();
  };
  for (const one of started) {
    if (one.status === 'fulfilled') continue;
    await stop();
    throw one.reason;
  }
  return stop;
}
