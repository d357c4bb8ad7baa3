/** Logs: JSON lines on standard error, for standard output belongs to the command. */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { visibleJson } from '../visible.ts';
import { withSnakeKeys } from '../snakeCase.ts';

/** Fields of the log that are times, in milliseconds since 1970 as the program counts them. */
const TIMES = new Set(['response_time', 'horizon', 'newest']);

/** ISO times, levels by name, fields in snake case. */
export const createLogger = (level: string, destination: DestinationStream): Logger =>
  pino(
    {
      ...{ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters },
      // Errors are also logged under other names than `err`.
      serializers: {
        error: (value: unknown) => (value instanceof Error ? pino.stdSerializers.err(value) : value),
      },
    },
    harmless(destination),
  );

/** Names and messages of others come into the log, and the log may be watched in a terminal. */
const harmless = (to: DestinationStream): DestinationStream => ({
  write: (line) => to.write(visibleJson(line)),
});

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
