import { describe, expect, it } from 'vitest';
import type { PoliciesAnswer } from '../../src/domain/validation.ts';
import { checkAnswer } from '../../src/domain/validation.ts';
import { Roll } from '../../src/poll/roll.ts';

const NOON = Date.UTC(2026, 2, 1, 12);
const reading = (name: string, capacity = 100) => ({
  name,
  ...{ availableTokens: 5, capacity, refillTokens: 1, refillPeriodSec: 60 },
});

/** The answer of a minute that lists these; `!` before a name makes one that is rejected. */
function list(minute: number, ...names: string[]) {
  const policies = names.map((name) => (name.startsWith('!') ? reading(name.slice(1), 0) : reading(name)));
  const answer: PoliciesAnswer = { responseTime: NOON + minute * 60_000, category: 'F', policies };
  const poll = {
    participant: '12345678',
    pollId: 'x',
    correlationId: null,
    observedAt: NOON + minute * 60_000,
  };
  const checked = checkAnswer(answer, poll);
  if (!checked.ok) throw new Error(checked.detail);
  return checked;
}

const names = (policies: readonly { readonly policy: string }[]): string[] => policies.map(({ policy }) => policy);

describe('a policy is gone [RETIRE-2]', () => {
  it.each<[string, number, ReturnType<typeof list>[], string[]]>([
    ['when three lists in a row lack it', 3, [list(0, 'A', 'B'), list(1, 'A'), list(2, 'A'), list(3, 'A')], ['B']],
    ['not after two', 3, [list(0, 'A', 'B'), list(1, 'A'), list(2, 'A')], []],
    [
      'not when one between has it',
      3,
      [list(0, 'A', 'B'), list(1, 'A'), list(2, 'A'), list(3, 'A', 'B'), list(4, 'A'), list(5, 'A')],
      [],
    ],
    [
      'not by lists with a rejected policy',
      2,
      [list(0, 'A', 'B'), list(1, 'A', '!B'), list(2, 'A', '!C'), list(3, 'A')],
      [],
    ],
    ['not by the same answer again', 2, [list(0, 'A', 'B'), list(1, 'A'), list(1, 'A'), list(1, 'A')], []],
    ['not by an answer of before', 2, [list(5, 'A', 'B'), list(6, 'A'), list(4, 'A'), list(3, 'A')], []],
    ['not by lists without anything', 1, [list(0, 'A', 'B'), list(1, '!A')], []],
    ['never, with 0', 0, [list(0, 'A', 'B'), list(1, 'A'), list(2, 'A'), list(3, 'A'), list(4, 'A')], []],
  ])('%s', (_what, lists, answers, expected) => {
    const roll = new Roll(lists);
    const due = answers.map((answer) => names(roll.note(answer)));
    expect(due.at(-1)).toEqual(expected);
  });

  it('once, until it is listed again', () => {
    const roll = new Roll(1);
    roll.note(list(0, 'A', 'B'));
    const due = roll.note(list(1, 'A'));
    expect(due).toMatchObject([{ policy: 'B', capacity: 100, availableTokens: 5, responseTime: NOON }]);
    // Not taken by the log yet: the next list asks again.
    expect(names(roll.note(list(2, 'A')))).toEqual(['B']);
    roll.retired(due);
    roll.learn(due);
    expect(roll.note(list(3, 'A'))).toEqual([]);
    roll.note(list(4, 'A', 'B'));
    expect(names(roll.note(list(5, 'A')))).toEqual(['B']);
  });

  it('also when only the read model has ever seen it', () => {
    const roll = new Roll(2);
    const [known] = new Roll(1).note(list(0, 'A')).concat(list(0, 'Z').observations);
    if (known === undefined) throw new Error('nothing was observed');
    roll.learn([known]);
    roll.note(list(1, 'A'));
    roll.learn([known]);
    expect(names(roll.note(list(2, 'A')))).toEqual(['Z']);
  });
});
