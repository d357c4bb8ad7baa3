/** Logs: JSON lines on standard error, for standard output belongs to the command. */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { LogFormat } from '../config/schema.ts';
import { activeSpan } from '../tracing.ts';
import { visibleJson } from '../visible.ts';
import { withSnakeKeys } from '../snakeCase.ts';
import { inForm } from './logForms.ts';

/** Fields of the log that are times, in milliseconds since 1970 as the program counts them. */
const TIMES = new Set(['response_time', 'horizon', 'newest']);

/** ISO times, levels by name, fields in snake case, the trace and span in which something was said. */
export const createLogger = (level: string, destination: DestinationStream, format: LogFormat = 'pino'): Logger =>
  pino(
    {
      ...{ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters, mixin },
      // Errors are also logged under other names than `err`.
      serializers: {
        error: (value: unknown) => (value instanceof Error ? pino.stdSerializers.err(value) : value),
      },
    },
    harmless(destination, format),
  );

/** Names and messages of others come into the log, and the log may be watched in a terminal. */
const harmless = (to: DestinationStream, format: LogFormat): DestinationStream => ({
  write: (line) => to.write(visibleJson(inForm(format, line))),
});

const mixin = (): object => {
  const span = activeSpan();
  return span === null ? {} : { traceId: span.traceId, spanId: span.spanId };
};

const formatters = {
  level: (label: string): object => ({ level: label }),
  log: (fields: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(withSnakeKeys(fields)).map(([name, value]) => [
        name,
        TIMES.has(name) && typeof value === 'number' ? new Date(value).toISOString() : value,
      ]),
    ),
};
