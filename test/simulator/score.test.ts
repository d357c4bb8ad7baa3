import { describe, expect, it } from 'vitest';
import { score, type Alerted, type ScoredEpisode, type ScoreInput } from '../../src/simulator/score.ts';

const NOON = Date.UTC(2026, 0, 5, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const POLICY = 'EVENT_LIST';

/** Drained at noon, refused from 12:02 to 12:10, recovered at 12:15. */
const EPISODE: ScoredEpisode = {
  bucket: POLICY,
  drainedAt: NOON,
  firstRefusal: NOON + 2 * MINUTE,
  lastRefusal: NOON + 10 * MINUTE,
  recoveredAt: NOON + 15 * MINUTE,
};
const low = (at: number, percent = 20, bucket = POLICY) => ({ bucket, at, percent });
const alert = (publishedAt: number, fields: Partial<Alerted> = {}): Alerted => ({
  ...{ bucket: POLICY, raisedAt: publishedAt, publishedAt, kind: 'threshold', zeroWithin: null },
  ...fields,
});
const scored = (input: Partial<ScoreInput>) =>
  score({
    ...{ durationMs: 2 * 24 * HOUR, listCalls: 0, readCalls: 0, refusedCalls: 0 },
    ...{ episodes: [EPISODE], observations: [], alerts: [] },
    ...input,
  });

describe('an episode is seen', () => {
  it.each([
    ['at its drain', low(NOON), 1],
    ['before its recovery', low(NOON + 15 * MINUTE - 1, 19.9), 1],
    ['before its drain', low(NOON - 1), 0],
    ['at its recovery', low(NOON + 15 * MINUTE), 0],
    ['above 20 %', low(NOON + MINUTE, 20.1), 0],
    ['on another bucket', low(NOON + MINUTE, 0, 'KEYS_CHECK'), 0],
  ])('by an observation %s: %o', (_what, observation, seen) => {
    expect(scored({ observations: [observation] }).seen).toBe(seen);
  });

  it('at any time after its drain while it has not recovered', () => {
    const episodes = [{ ...EPISODE, recoveredAt: null }];
    expect(scored({ episodes, observations: [low(NOON + HOUR)] }).seen).toBe(1);
  });
});

describe('an alert comes before an episode', () => {
  const { firstRefusal } = EPISODE;
  it.each([
    ['just ahead of its first refusal', alert(firstRefusal - 1), 1, 1],
    ['with it', alert(firstRefusal), 0, 0],
    ['an hour ahead', alert(firstRefusal - HOUR), 1, 1],
    ['more than an hour ahead', alert(firstRefusal - HOUR - 1), 0, 0],
    ['raised ahead, but published too late', alert(firstRefusal, { raisedAt: NOON }), 0, 0],
    ['of another bucket', alert(NOON, { bucket: 'KEYS_CHECK' }), 0, 0],
    ['as a forecast', alert(NOON, { kind: 'forecast' }), 0, 1],
  ])('%s', (_what, one, alertedBefore, warnedBefore) => {
    expect(scored({ alerts: [one] })).toMatchObject({ alertedBefore, warnedBefore });
  });

  it('by a lead that counts from the first, and in the median over those that have one', () => {
    const episodes = [0, 2, 4, 6].map((hours) => ({ ...EPISODE, firstRefusal: NOON + hours * HOUR }));
    const alerts = [
      alert(NOON - 20_000),
      alert(NOON - 50_000, { kind: 'forecast' }),
      alert(NOON + 2 * HOUR - 30_000),
      alert(NOON + 4 * HOUR - 90_000),
    ];
    expect(scored({ episodes, alerts })).toMatchObject({ warnedBefore: 3, alertedBefore: 3, medianLeadSeconds: 50 });
    expect(scored({ episodes: episodes.slice(0, 2), alerts }).medianLeadSeconds).toBe(40);
    expect(scored({}).medianLeadSeconds).toBeNull();
  });
});

describe('a forecast', () => {
  it.each([
    ['is true half an hour before the first refusal', EPISODE.firstRefusal - 30 * MINUTE, 0],
    ['is false earlier', EPISODE.firstRefusal - 30 * MINUTE - 1, 0.5],
    ['is true while refusals follow', EPISODE.lastRefusal, 0],
    ['is false after the last', EPISODE.lastRefusal + 1, 0.5],
  ])('%s', (_what, raisedAt, perDay) => {
    const alerts = [alert(raisedAt, { kind: 'forecast' }), alert(raisedAt)];
    expect(scored({ alerts }).falseForecastsPerDay).toBe(perDay);
  });
});

it('says how often the interval of a forecast that came true held the first refusal', () => {
  const { firstRefusal } = EPISODE;
  const made = (from: number, to: number) =>
    alert(firstRefusal - MINUTE, { kind: 'forecast', zeroWithin: [firstRefusal + from, firstRefusal + to] });
  const alerts = [made(-1, 1), made(0, 0), made(1, 2), made(-2, -1)];
  expect(scored({ alerts }).timeToZero80Coverage).toBe(0.5);
  const untrue = alert(firstRefusal - HOUR, { kind: 'forecast', zeroWithin: [0, firstRefusal] });
  expect(scored({ alerts: [untrue] }).timeToZero80Coverage).toBeNull();
});

it('counts list calls by the minute, and the refused ones', () => {
  expect(scored({ listCalls: 2880, refusedCalls: 7 })).toMatchObject({ listCallsPerMinute: 1, pollsRefused: 7 });
});
