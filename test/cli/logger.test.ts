import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/cli/logger.ts';
import { packageRoot } from '../../src/packageRoot.ts';

function logged(work: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  work(createLogger('trace', { write: (line: string) => lines.push(line) }));
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

test('there is one maker of loggers', () => {
  const src = join(packageRoot, 'src');
  const makers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && /\bpino\(/.test(readFileSync(join(src, file), 'utf8')),
  );
  expect(makers).toEqual([join('cli', 'logger.ts')]);
});
