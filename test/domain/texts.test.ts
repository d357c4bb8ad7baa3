import { describe, expect, it } from 'vitest';
import { instant, wholeNumber } from '../../src/domain/texts.ts';

describe('texts of others, read [DOM-13]', () => {
  it.each([
    ['0', 0],
    ['007', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ...['', ' ', '-1', '+1', '1.0', '1e3', '0x10', '1_000', '１', 'Infinity', '9007199254740992'].map(
      (text) => [text, null] as const,
    ),
  ] as const)('%j is the whole number %s', (text, expected) => expect(wholeNumber(text)).toBe(expected));

  it.each([
    ['2026-11-28T10:00:00Z', Date.UTC(2026, 10, 28, 10)],
    ['2026-11-28T10:00:00.123Z', Date.UTC(2026, 10, 28, 10, 0, 0, 123)],
    ['2026-11-28T07:00:00-03:00', Date.UTC(2026, 10, 28, 10)],
    ...['', '0', '1', '2026', '2026-11-28', '2026-11-28T10:00:00', '2026-13-01T00:00:00Z', 'Nov 28 2026', 'now'].map(
      (text) => [text, null] as const,
    ),
  ] as const)('%j is the instant %s', (text, expected) => expect(instant(text)).toBe(expected));
});
