import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/cli/logger.ts';
import type { LogFormat } from '../../src/config/schema.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { inSpan } from '../support/spans.ts';

function logged(
  work: (logger: ReturnType<typeof createLogger>) => void,
  format: LogFormat = 'pino',
): Record<string, unknown>[] {
  const lines: string[] = [];
  work(createLogger('trace', { write: (line: string) => lines.push(line) }, format));
  expect(lines.every((line) => line.endsWith('}\n') && !line.slice(0, -1).includes('\n'))).toBe(true);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a line of the log', () => {
  test.each(['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)(
    'names its level (%s) and tells the time as ISO',
    (level) => {
      const [line] = logged((logger) => logger[level]({ waitMs: 5 }, 'hello'));
      expect(line).toEqual({
        ...{ level, msg: 'hello', wait_ms: 5 },
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      });
    },
  );

  test('has its fields in snake case, those of a child logger too, and times in words', () => {
    const at = Date.UTC(2026, 4, 4, 12);
    const lines = logged((logger) => {
      logger.child({ from: 'x' }).info({ responseTime: at, firstSequenceId: 7 }, 'a');
      logger.info({ horizon: at, newest: null, created: ['a.b'] }, 'b');
    });
    expect(lines).toMatchObject([
      { from: 'x', response_time: '2026-05-04T12:00:00.000Z', first_sequence_id: 7 },
      { horizon: '2026-05-04T12:00:00.000Z', newest: null, created: ['a.b'] },
    ]);
  });

  test.each(['err', 'error'])('tells errors whole (%s)', (name) => {
    const [line] = logged((logger) => logger.error({ [name]: new TypeError('no') }, 'failed'));
    expect(line?.[name]).toMatchObject({ type: 'TypeError', message: 'no' });
  });
});

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

describe('names of other schemas [TRACE-5]', () => {
  test('Elastic’s Common Schema', () => {
    const [line, bare] = logged((logger) => {
      logger.child({ participant: '12345678' }).warn({ waitMs: 5 }, 'hello');
      logger.info('bye');
    }, 'ecs');
    expect(line).toEqual({
      ...{ '@timestamp': ISO, 'log.level': 'warn', message: 'hello', 'ecs.version': '8.11.0' },
      balde: { participant: '12345678', wait_ms: 5 },
    });
    expect(bare).toEqual({ '@timestamp': ISO, 'log.level': 'info', message: 'bye', 'ecs.version': '8.11.0' });
  });

  test('OpenTelemetry’s data model', () => {
    const [line] = logged((logger) => {
      logger.child({ participant: '12345678' }).warn({ waitMs: 5 }, 'hello');
    }, 'otel');
    expect(line).toEqual({
      ...{ timestamp: ISO, severity_text: 'WARN', severity_number: 13, body: 'hello' },
      attributes: { 'balde.participant': '12345678', 'balde.wait_ms': 5 },
    });
  });

  test.each([
    ['trace', 1],
    ['debug', 5],
    ['info', 9],
    ['warn', 13],
    ['error', 17],
    ['fatal', 21],
  ] as const)('severity of %s', (level, severity) => {
    const [line] = logged((logger) => logger[level]('x'), 'otel');
    expect(line).toMatchObject({ severity_text: level.toUpperCase(), severity_number: severity });
  });

  test('errors, whole or as text, under one name or two', () => {
    const lines = (format: LogFormat) =>
      logged((logger) => {
        logger.error({ err: Object.assign(new TypeError('no'), { code: 'X' }) }, 'failed');
        logger.warn({ who: 'relay', error: 'away' }, 'waiting');
        logger.warn({ err: new Error('one'), error: 'two' }, 'both');
      }, format);
    expect(lines('ecs')).toMatchObject([
      {
        ...{ 'error.type': 'TypeError', 'error.message': 'no', balde: { error_details: { code: 'X' } } },
        'error.stack_trace': expect.stringMatching(/^TypeError: no\n {4}at /) as string,
      },
      { 'error.message': 'away', balde: { who: 'relay' } },
      { 'error.message': 'one', balde: { error: 'two' } },
    ]);
    expect(lines('otel').map(({ attributes }) => attributes)).toMatchObject([
      { 'exception.type': 'TypeError', 'exception.message': 'no', 'balde.error_details': { code: 'X' } },
      { 'exception.message': 'away', 'balde.who': 'relay' },
      { 'exception.message': 'one', 'balde.error': 'two' },
    ]);
  });
});

describe('a line that is logged within a span has its trace [TRACE-5]', () => {
  test.each([
    ['pino', 'trace_id', 'span_id'],
    ['ecs', 'trace.id', 'span.id'],
    ['otel', 'trace_id', 'span_id'],
  ] as const)('%s', async (format, traceId, spanId) => {
    const span = await inSpan(async () => {
      await Promise.resolve();
      return logged((logger) => logger.info('within'), format);
    });
    expect(span.result).toMatchObject([{ [traceId]: span.traceId, [spanId]: span.spanId }]);
    const [outside] = logged((logger) => logger.info('outside'), format);
    expect(Object.keys(outside ?? {})).not.toContain(traceId);
  });
});

test('there is one maker of loggers', () => {
  const src = join(packageRoot, 'src');
  const makers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && /\bpino\(/.test(readFileSync(join(src, file), 'utf8')),
  );
  expect(makers).toEqual([join('cli', 'logger.ts')]);
});
