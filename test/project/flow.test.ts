import { defer, of, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { repeatWhile, retryOutage, run, steps, untilAborted, whileOpen } from '../../src/flow.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { Patience } from '../../src/patience.ts';

const never = new AbortController().signal;

/** Waits take no time; what was waited is kept. */
function given(): { readonly waited: number[]; readonly patience: Patience } {
  const waited: number[] = [];
  const sleep: Clock['sleep'] = async (ms) => Promise.resolve(void waited.push(ms));
  return { waited, patience: { signal: never, retrying: () => undefined, clock: { now: () => 0, sleep } } };
}

/** Fails at its n-th calls, each time as an outage. */
function failingAt(...calls: readonly number[]): () => Promise<number> {
  let call = 0;
  return async () => {
    call += 1;
    return calls.includes(call) ? Promise.reject(new LogUnavailableError('away')) : Promise.resolve(call);
  };
}

describe('waits of a flow [FOLD-6]', () => {
  it('double at one step until it succeeds, and begin from the smallest at the next', async () => {
    const { waited, patience } = given();
    const [step, work] = [steps(patience), failingAt(1, 2, 3, 5)];
    await run(of(0).pipe(step(work), step(work)), never);
    expect(waited).toEqual([200, 400, 800, 200]);
  });

  it('begin from the smallest after a value of work that goes on for long', async () => {
    const { waited, patience } = given();
    let turns = 0;
    const work = defer(failingAt(1, 2, 4, 6)).pipe(
      tap(() => (turns += 1)),
      repeatWhile(() => turns < 4),
      retryOutage(patience),
    );
    await run(work, never);
    expect(waited).toEqual([200, 400, 200, 200]);
  });
});

describe('the turns of a flow', () => {
  it('follow each other one at a time; an abort ends them when the one under way is finished', async () => {
    const { patience } = given();
    const [abort, done, step] = [new AbortController(), [] as string[], steps(patience)];
    const note = async (what: string): Promise<string> => Promise.resolve(void done.push(what)).then(() => what);
    const turns = of('batch').pipe(
      step(note),
      step(async () => note('committed')),
      tap(() => done.length > 3 && abort.abort()),
      step(async () => note('acknowledged')),
      untilAborted(abort.signal),
    );
    await run(turns, abort.signal);
    expect(done).toEqual(['batch', 'committed', 'acknowledged', 'batch', 'committed', 'acknowledged']);
  });

  it('do not begin when nothing is left to do', async () => {
    let begun = 0;
    await run(
      of(0).pipe(
        tap(() => (begun += 1)),
        repeatWhile(() => false),
      ),
      never,
    );
    expect(begun).toBe(0);
  });

  it.each([
    ['completes', of('value'), null],
    ['fails', throwError(() => new Error('the reason')), 'the reason'],
  ])('on something opened: when the flow %s it is closed first', async (_, flow, reason) => {
    const seen: string[] = [];
    const resource = { close: async () => Promise.resolve(void seen.push('closed')) };
    const running = run(of(resource).pipe(whileOpen(() => flow)), never).then(
      () => seen.push('ended'),
      (error: unknown) => seen.push((error as Error).message),
    );
    await running;
    expect(seen).toEqual(['closed', reason ?? 'ended']);
  });

  it('end with an error that comes after an abort as with any other end', async () => {
    await expect(
      run(
        throwError(() => new Error('aborted')),
        AbortSignal.abort(),
      ),
    ).resolves.toBeUndefined();
    await expect(
      run(
        throwError(() => new Error('a defect')),
        never,
      ),
    ).rejects.toThrow('a defect');
  });
});
