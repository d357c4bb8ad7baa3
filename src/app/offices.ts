/** What this process does of its roles, and what it stands by for: its presence tells the others. */
import type { NextPoll, ProcessState } from '../store/processes.ts';
import { Wakeup } from '../waiting.ts';

export class Offices {
  /** Woken by each change. */
  readonly changed = new Wakeup();
  readonly #standingBy = new Set<string>();
  readonly #polls = new Map<string, NextPoll>();

  get now(): ProcessState {
    return { standingBy: [...this.#standingBy].sort(), nextPolls: [...this.#polls.values()] };
  }

  /** Another process does it. @param who such as `states`, or `poller of 12345678` */
  standBy(who: string): void {
    if (this.#standingBy.has(who)) return;
    this.#standingBy.add(who);
    this.changed.wake();
  }

  /** This process does it now. */
  takeOver(who: string): void {
    if (this.#standingBy.delete(who)) this.changed.wake();
  }

  /** A participant that another process polls has none here. */
  poll(participant: string, next: Omit<NextPoll, 'participant'> | null): void {
    if (next === null) this.#polls.delete(participant);
    else this.#polls.set(participant, { participant, ...next });
    this.changed.wake();
  }
}
