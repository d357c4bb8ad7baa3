import fc from 'fast-check';
import { v5 } from 'uuid';
import { expect, it } from 'vitest';
import { alertEventId, alertId, categoryChangeId, observationId, pollIdentity } from '../../src/domain/identity.ts';
import { uuid5 } from '../oracle/arithmetic.ts';
import { NOON, PARTICIPANT } from '../support/observations.ts';

it('never changes: these ids are in logs and databases', () => {
  const alert = alertId(PARTICIPANT, 'CLAIMS_READ', 'WARNING', NOON);
  expect([
    observationId(PARTICIPANT, 'CLAIMS_READ', NOON),
    alert,
    alertEventId('AlertRaised', alert),
    categoryChangeId(PARTICIPANT, 'CLAIMS_READ', NOON, 'H'),
    pollIdentity(PARTICIPANT, NOON),
  ]).toMatchInlineSnapshot(`
    [
      "dc4aad13-08f6-5b7e-b478-c6f74de068c3",
      "ae09fd91-f9fe-5cb5-9a88-d29dc30bfd3f",
      "c563c018-69ca-5a4a-944a-9d64ca3792e9",
      "66eb1ccc-5215-50b7-830c-419c35a7836c",
      "a6abe022-82fc-5418-a5e6-18ae8760f469",
    ]
  `);
});

it('are UUIDs of version 5, made independently the same way [DOM-3]', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(name, fc.nat(), (policy, at) => {
      const id = observationId(PARTICIPANT, policy, at);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(id).toBe(uuid5('observation', PARTICIPANT, at, policy));
    }),
  );
});

it('are those of package uuid, also of names that are long or not ASCII [DOM-3]', () => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('a', '|', 'é', '€', '🪣'), minLength: 150, maxLength: 1_500 }),
  );
  fc.assert(
    fc.property(name, fc.nat(), (policy, at) => {
      expect(observationId(PARTICIPANT, policy, at)).toBe(
        v5(`observation|${PARTICIPANT}|${at}|${policy}`, 'b1d3a1de-0d1c-5e7a-8b0c-ba1de0000001'),
      );
    }),
  );
});

it('differ when any part differs, also where parts could run into one another', () => {
  const ids = [
    observationId(PARTICIPANT, 'A', NOON),
    observationId(PARTICIPANT, 'B', NOON),
    observationId(PARTICIPANT, 'A', NOON + 1),
    observationId('87654321', 'A', NOON),
    observationId(PARTICIPANT, `${NOON}|A`, NOON),
    observationId(PARTICIPANT, `A|${NOON}`, NOON),
    alertId(PARTICIPANT, 'A', 'WARNING', NOON),
    alertId(PARTICIPANT, 'A', 'CRITICAL', NOON),
    categoryChangeId(PARTICIPANT, 'A', NOON, 'G'),
    categoryChangeId(PARTICIPANT, 'A', NOON, 'H'),
    pollIdentity(PARTICIPANT, NOON),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});
