/** Shapes of the settings and of the configuration file. */
import { Cron } from 'croner';
import { z } from 'zod';
import { isParticipant } from '../domain/validation.ts';
import { parseDuration } from './duration.ts';

const duration = (least: number) =>
  z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms === null || ms < least) {
      context.addIssue({
        code: 'custom',
        message: `is no duration of at least ${least} ms, such as 30s, 5m or 12h`,
      });
      return z.NEVER;
    }
    return ms;
  });

const cron = z
  .string()
  .refine(isCron, { message: 'is no cron expression of five or six fields, such as */5 * * * *' });

function isCron(text: string): boolean {
  try {
    return new Cron(text, { timezone: 'UTC' }).nextRun() !== null;
  } catch {
    return false;
  }
}

const number = (least: number, most: number, whole = false) =>
  z.coerce
    .number({ message: 'is no number' })
    .min(least, { message: `is below ${least}` })
    .max(most, { message: `is above ${most}` })
    .refine((n) => !whole || Number.isInteger(n), { message: 'is no whole number' });

const flag = z
  .enum(['true', 'false'], { message: 'is neither true nor false' })
  .transform((text) => text === 'true');

const postgresUrl = z.string().refine((text) => /^postgres(ql)?:\/\/[^/]/.test(text) && URL.canParse(text), {
  message: 'is no connection string of the form postgresql://user:password@host:5432/database',
});

/** One entry per environment variable. */
export const settingsSchema = z
  .object({
    DATABASE_URL: postgresUrl.optional(),
    DATA_DIR: z.string().min(1).default('.balde'),
    EVENT_LOG: z.enum(['embedded'], { message: 'only embedded is available' }).default('embedded'),
    POLL_CRON: cron.default('*/5 * * * *'),
    POLL_INTERVAL: duration(100).optional(),
    POLL_WHEN_ELECTED: flag.default(true),
    WARNING_PERCENT: number(0, 100).default(20),
    CRITICAL_PERCENT: number(0, 100).default(10),
    RESOLVE_MARGIN: number(0, 100).default(0),
    FOR_OBSERVATIONS: number(1, 100, true).default(1),
    RETENTION_MONTHS: number(1, 1_200, true).default(13),
    RETENTION_CRON: cron.default('17 3 * * *'),
    STALE_AFTER: duration(1_000).prefault('15m'),
    HTTP_HOST: z.string().min(1).default('127.0.0.1'),
    HTTP_PORT: number(0, 65_535, true).default(9464),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
        message: 'is no level (trace … silent)',
      })
      .default('info'),
  })
  .refine((s) => s.CRITICAL_PERCENT < s.WARNING_PERCENT, {
    path: ['CRITICAL_PERCENT'],
    message: 'must be below WARNING_PERCENT',
  });

export type Settings = z.infer<typeof settingsSchema>;

const bridgeAddress = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, {
  message: 'is no address of the form host:port',
});

const tls = z
  .strictObject({
    caFile: z.string().optional(),
    certFile: z.string().optional(),
    keyFile: z.string().optional(),
    serverName: z.string().optional(),
  })
  .refine((t) => (t.certFile === undefined) === (t.keyFile === undefined), {
    message: 'a certificate needs its key, and a key its certificate',
  });

const participant = z.strictObject({
  participant: z
    .string()
    .transform((text) => text.toUpperCase())
    .refine(isParticipant, { message: 'is no ISPB of 8 letters and digits' }),
  bridge: z.strictObject({ address: bridgeAddress, tls: tls.optional() }),
});

/** The file: `settings` by the names of the environment variables, and the participants. */
export const fileSchema = z.strictObject({
  settings: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .default({}),
  participants: z.array(participant).default([]),
});

export type FileInput = z.infer<typeof fileSchema>;
