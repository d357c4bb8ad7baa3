/** What machines ask for: /metrics, /healthz, /readyz. */
import { messageOf } from '../errors.ts';
import { text } from './answer.ts';
import type { Answer, Site } from './answer.ts';
import { OBSERVATIONS, readiness } from './health.ts';
import type { HealthOptions } from './health.ts';
import type { Metrics } from './metrics.ts';
import { ANSWER_MS, shared } from './observing.ts';
import { within } from '../waiting.ts';

export interface MachineOptions extends HealthOptions {
  readonly metrics: Metrics;
}

export const MACHINE_PATHS = ['/metrics', '/healthz', '/readyz'] as const;

/** Whoever asks for the same at the same time shares one answer. */
export function machineSite(options: MachineOptions): Site {
  const { metrics, patienceMs = ANSWER_MS } = options;
  const scraped = shared(async () => Buffer.from(await metrics.scrape()));
  const checks = shared(async () => await readiness(options));
  const answers: Readonly<Record<(typeof MACHINE_PATHS)[number], (url: URL) => Promise<Answer>>> = {
    // Half a truth would read as a whole one: without the database there are no metrics, the scrape has failed.
    '/metrics': async () => {
      const answer = scraped().then(
        (body): Answer => ({ status: 200, type: metrics.contentType, body }),
        (error: unknown) => text(503, messageOf(error)),
      );
      return await within(patienceMs, answer, () =>
        text(503, `the database has not answered within ${patienceMs / 1000} s`),
      );
    },
    // The process runs and its event loop turns; whether it is of use is readiness.
    '/healthz': async () => Promise.resolve(text(200, 'ok')),
    '/readyz': async ({ searchParams }) => await answerReadiness(checks, searchParams.getAll('exclude')),
  };
  const known = new Map(Object.entries(answers));
  return async ({ url }) => (await known.get(url.pathname)?.(url)) ?? null;
}

/** `?exclude=observations` as the API server of Kubernetes has it: whether the process by itself is fit to work. */
async function answerReadiness(read: () => ReturnType<typeof readiness>, excluded: readonly string[]): Promise<Answer> {
  const unknown = excluded.filter((name) => name !== OBSERVATIONS);
  if (unknown.length > 0) return text(400, `exclude: only ${OBSERVATIONS} can be left out`);
  const checks = (await read()).filter(({ name }) => !excluded.includes(name));
  const ready = checks.every((check) => check.ok);
  return { status: ready ? 200 : 503, type: 'application/json', body: JSON.stringify({ ready, checks }) };
}
