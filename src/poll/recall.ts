/** What was observed before this poller began: its attention goes on from there. Pure. */
import type { Reading } from '../domain/estimate/refill.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Attention } from './attention.ts';

/** An observation of an earlier poll, by this poller or another. */
export interface RecalledReading extends Reading {
  /** By the clock of the poller that made it. */
  readonly observedAt: EpochMs;
  readonly pollId: string;
}

/**
 * Further back nothing is of use: a drain takes minutes, and what tells how a refill arrives comes every few periods.
 * Milliseconds.
 */
export const RECALL_MS = 30 * 60_000;

/**
 * As if the attention had made those polls.
 * @param readings by time, those of one poll together
 */
export function recall(attention: Attention, readings: readonly RecalledReading[]): void {
  for (const [first, ...others] of pollsOf(readings)) {
    const at = first.observedAt;
    // History doesn't say what was asked for, or why: one policy alone was read, and in turn.
    const policy = others.length === 0 ? first.policy : null;
    attention.asked({ policy, reason: policy === null ? 'calm' : 'watch' }, at);
    attention.learn([first, ...others], at, { policy });
  }
}

type OnePoll = readonly [RecalledReading, ...RecalledReading[]];

function pollsOf(readings: readonly RecalledReading[]): OnePoll[] {
  const polls = new Map<string, [RecalledReading, ...RecalledReading[]]>();
  for (const reading of readings) {
    const poll = polls.get(reading.pollId);
    if (poll === undefined) polls.set(reading.pollId, [reading]);
    else poll.push(reading);
  }
  return [...polls.values()];
}
