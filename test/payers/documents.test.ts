/** What may be a document is refused wherever a digest or a name belongs, and no digest is. */
import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hasDocument, withoutDocuments } from '../../src/domain/documents.ts';
import { invalidDigest, invalidPayerOutcomes } from '../../src/domain/payers.ts';
import type { PayerOutcomesObserved } from '../../src/domain/payers.ts';
import { MINUTE, NOON } from '../support/observations.ts';
import { mark, payerNo, payerOutcomes } from './given.ts';

/** With check digits that fit, and of nobody. */
const DOCUMENTS = [
  ...['52998224725', '529.982.247-25', '529 982 247 25', '529982247-25'],
  ...['11222333000181', '11.222.333/0001-81', '11222333/0001-81', '11 222 333 0001 81'],
  ...['12.ABC.345/01DE-35', '12.abc.345/01de-35', '12ABC34501DE35'],
];

describe('documents [PAYER-3]', () => {
  it.each(DOCUMENTS)('%s is seen, by itself and in a text, and left out where something is said', (document) => {
    expect(hasDocument(document)).toBe(true);
    expect(invalidDigest(document)).toContain('looks like a CPF or CNPJ');
    if (document === '12ABC34501DE35') return;
    expect(hasDocument(`payer=${document};`)).toBe(true);
    expect(withoutDocuments(`status "${document}" is none`)).toBe('status "[left out]" is none');
  });

  it.each([
    'payments',
    'pix-api-7d9c6b5f4-x2x9z',
    '12345678',
    '2026-01-31T12:00:00Z',
    '1769860800000',
    '20260131',
    'BATCHRECONCI01',
  ])('and %s is none', (name) => {
    expect(hasDocument(name)).toBe(false);
  });

  it('are refused as a digest in whatever form, and so is what was filled up; digests never are', () => {
    const filled = [
      '52998224725'.padStart(64, '0'),
      '52998224725'.padEnd(64, 'f'),
      Buffer.from('52998224725'.padEnd(32, ' ')).toString('hex'),
      Buffer.from('11222333000181'.padStart(32, '0')).toString('hex'),
      Buffer.concat([Buffer.from('52998224725'), Buffer.alloc(21)]).toString('hex'),
      '5299822472552998224725529982247255299822472552998224725529982247',
    ];
    for (const text of filled) expect(invalidDigest(text)).toContain('filled up');
    for (const text of ['', 'x', payerNo(1).slice(1), payerNo(1).toUpperCase(), ` ${payerNo(1)}`])
      expect(invalidDigest(text)).toContain('no digest');
    const key = randomBytes(32);
    for (let n = 0; n < 20_000; n += 1)
      expect(invalidDigest(createHmac('sha256', key).update(String(n)).digest('hex'))).toBeNull();
  });
});

describe('a window of a payer [PAYER-3]', () => {
  it.each<[string, Partial<PayerOutcomesObserved>]>([
    ['participant', { participant: '529982247' }],
    ['policy', { policy: 'ENTRIES_READ_PARTICIPANT_ANTISCAN' }],
    ['source looks like', { source: 'job-52998224725' }],
    ['source', { source: 'two words' }],
    ['payer looks like', { payer: '529.982.247-25' }],
    ['payer is missing', { payer: null, kind: null, status200: 1 }],
    ['payer is missing', { payer: null, completeUpTo: NOON }],
    ['neither', { payer: null, kind: null }],
    ['completeUpTo', { completeUpTo: NOON }],
    ['kind', { kind: 'CPF' }],
    ['kind', { kind: null }],
    ['no window', { windowStart: 52_998_224_725 }],
    ['no window', { windowEnd: NOON + 5 * MINUTE }],
    ['status200', { status200: 52_998_224_725 }],
    ['paymentOrders', { paymentOrders: -1 }],
    ['revision', { revision: 0.5 }],
  ])('is refused for its %s, without a word of what it says', (says, with_) => {
    const reason = invalidPayerOutcomes(payerOutcomes(with_));
    expect(reason).toContain(says);
    expect(reason).not.toMatch(/529|247/);
  });

  it('is over, and a mark is of a time that is', () => {
    expect(invalidPayerOutcomes(payerOutcomes(), NOON + MINUTE)).toBeNull();
    expect(invalidPayerOutcomes(payerOutcomes(), NOON - 11 * MINUTE)).toContain('ahead of the local clock');
    expect(invalidPayerOutcomes(mark(NOON))).toBeNull();
    expect(invalidPayerOutcomes({ ...mark(NOON), completeUpTo: NOON + 1 })).toContain('after windowEnd');
  });
});
