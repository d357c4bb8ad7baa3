/** What a process that sends anything by OTLP says of itself, hears of its SDK, and waits for at the end. */
import { hostname } from 'node:os';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import type { Resource } from '@opentelemetry/resources';
import { messageOf } from '../errors.ts';
import { within } from '../waiting.ts';

/** How long what is left may take at the end. Milliseconds. */
const LAST_MS = 3_000;
/** A receiver that is away is told of once in this time. Milliseconds. */
const TOLD_EVERY_MS = 60_000;

export type Sent = 'spans' | 'metrics';

export interface OtlpOptions {
  /** `service.version`. */
  readonly version: string;
  /** Told, at most once a minute of each, what OpenTelemetry complains of: mostly that something could not be sent. */
  readonly onLost: (what: Sent, reason: string) => void;
}

/** What is sent comes from this process of this host; OpenTelemetry's variables have the last word. */
export const resourceOf = (version: string): Resource =>
  defaultResource()
    .merge(
      resourceFromAttributes({
        ...{ 'service.name': 'balde', 'service.version': version, 'host.name': hostname() },
        'service.instance.id': `${hostname()}:${process.pid}`,
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }));

/** From now on, in the whole process. The SDK has one ear for everything that it sends. */
export function hearComplaints(onLost: OtlpOptions['onLost']): void {
  const complain = (...said: readonly unknown[]): void => {
    const reason = said.map(textOf).join(': ');
    tellSeldom(onLost, reason.startsWith(OF_METRICS) ? 'metrics' : 'spans', reason);
  };
  const quiet = (): void => undefined;
  const logger = { error: complain, warn: complain, info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  setGlobalErrorHandler(complain);
}

/** What the SDK's reader of metrics begins each of its complaints with. */
const OF_METRICS = 'PeriodicExportingMetricReader';

/** Sends what is left, as far as the receiver takes it in time. Does not fail. */
export async function sendLast(what: Sent, shutdown: Promise<void>, tell: LastWords): Promise<void> {
  const lost = (reason: string): void => tellSeldom(tell.onLost, what, reason);
  const late = (): void => lost(`${tell.description} did not take the last ones in time`);
  await within(LAST_MS, shutdown, late).catch((error: unknown) => lost(textOf(error)));
}

interface LastWords extends Pick<OtlpOptions, 'onLost'> {
  readonly description: string;
}

/** Of the process, as the SDK's ear is: spans and metrics both put one on, and the last one hears all. */
const nextAt: Record<Sent, number> = { spans: -Infinity, metrics: -Infinity };

/** The same is said again with each batch, and once more at the end. */
function tellSeldom(onLost: OtlpOptions['onLost'], what: Sent, reason: string): void {
  if (performance.now() < nextAt[what]) return;
  nextAt[what] = performance.now() + TOLD_EVERY_MS;
  onLost(what, reason);
}

/** Several addresses that are tried in vain give an error without a message. */
const textOf = (error: unknown): string =>
  messageOf(error instanceof AggregateError ? (error.errors[0] ?? error) : error);
