import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogError } from '../../src/log/eventLog.ts';
import { Layout } from '../../src/log/pulsar/layout.ts';
import { parseMessageId, placeOf, positionOf, serializeId } from '../../src/log/pulsar/position.ts';
import type { MessagePlace } from '../../src/log/pulsar/position.ts';

const place = (ledger: number, entry: number, batch = -1): MessagePlace => ({ ledger, entry, batch });

const places = fc.record({
  ledger: fc.maxSafeNat(),
  entry: fc.maxSafeNat(),
  batch: fc.integer({ min: -1, max: 999_999 }),
});

const compare = (a: MessagePlace, b: MessagePlace): number =>
  a.ledger - b.ledger || a.entry - b.entry || a.batch - b.batch;

describe('a position of a Pulsar partition [LOG-1]', () => {
  it('is the message id, there and back', () => {
    fc.assert(
      fc.property(places, (one) => {
        expect(placeOf(positionOf(one))).toEqual(one);
      }),
    );
  });

  it('compares as a string in the order of ledger, entry and batch', () => {
    fc.assert(
      fc.property(places, places, (a, b) => {
        const [first, second] = [positionOf(a), positionOf(b)];
        expect(Math.sign(compare(a, b))).toBe(first < second ? -1 : first > second ? 1 : 0);
      }),
    );
  });

  it('of another log is refused with what to do', () => {
    for (const other of ['0000000000000042', '', '1:2', '0000000000000001:0000000000000002:1'])
      expect(() => placeOf(other)).toThrow(LogError);
    expect(() => placeOf('0000000000000042')).toThrow(/another event log/);
    expect(() => parseMessageId('(1,2)')).toThrow(LogError);
    expect(() => positionOf(place(-1, 0))).toThrow(LogError);
  });

  it('travels as MessageIdData of PulsarApi.proto', () => {
    // Fields 1 (ledgerId), 2 (entryId), 3 (partition), 4 (batch_index); −1 as 64-bit two's complement.
    expect(serializeId(place(300, 5), 2).toString('hex')).toBe('08ac0210051802');
    expect(serializeId(place(1, -1), 0).toString('hex')).toBe('080110ffffffffffffffffff011800');
    expect(serializeId(place(1, 2, 3), 0).toString('hex')).toBe('0801100218002003');
  });
});

describe('the ledgers of a partition', () => {
  const layout = new Layout({
    ledgers: [
      { ledgerId: 4, entries: 3 },
      { ledgerId: 7, entries: 0 },
      { ledgerId: 9, entries: 2 },
      { ledgerId: 12, entries: 0 },
    ],
    currentLedgerEntries: 5,
  });
  const empty = new Layout({ ledgers: [{ ledgerId: 1, entries: 0 }], currentLedgerEntries: 0 });

  it('say what is oldest and newest', () => {
    expect([layout.oldest, layout.newest]).toEqual([place(4, 0), place(12, 4)]);
    expect([empty.oldest, empty.newest]).toEqual([null, null]);
    const trailing = new Layout({
      ledgers: [
        { ledgerId: 4, entries: 3 },
        { ledgerId: 5, entries: 0 },
      ],
      currentLedgerEntries: 0,
    });
    expect(trailing.newest).toEqual(place(4, 2));
  });

  it('say what follows what, also over ledgers that are empty', () => {
    expect(layout.after(place(4, 0))).toEqual(place(4, 1));
    expect(layout.after(place(4, 2))).toEqual(place(9, 0));
    expect(layout.after(place(9, 1))).toEqual(place(12, 0));
    expect(layout.after(place(12, 4))).toBeNull();
  });

  it('say what is there, and what was removed or never was', () => {
    expect(layout.has(place(4, 2))).toBe(true);
    for (const gone of [place(4, 3), place(3, 0), place(7, 0), place(13, 0)]) expect(layout.has(gone)).toBe(false);
  });

  it('count what lies behind a place, and find the place that so many follow', () => {
    const behind = [null, place(4, 0), place(4, 2), place(9, 1), place(12, 4)].map((one) => layout.behind(one));
    expect(behind).toEqual([10, 9, 7, 5, 0]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), (n) => {
        const from = layout.beforeLast(n);
        expect(from === null ? n >= 10 : layout.behind(from) === n).toBe(true);
      }),
    );
  });
});
