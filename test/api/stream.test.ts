/** The stream: what changes reaches everybody who watches, and costs one look at the database. */
import { connect } from 'node:net';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Overview, OverviewChange } from '../../src/api/answers.ts';
import { Hub } from '../../src/api/hub.ts';
import { TooMuchError } from '../../src/api/problem.ts';
import { streamOf } from '../../src/api/stream.ts';
import { Studies } from '../../src/api/studies.ts';
import { OutageError } from '../../src/errors.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../support/eventually.ts';

const bucket = (policy: string, tokens: number, sparkline: readonly number[] = [50]) =>
  ({ participant: '1', endpoint_id: policy, available_tokens: tokens, age_seconds: Math.random(), sparkline }) as never;
const overview = (...buckets: never[]): Overview =>
  ({ as_of: new Date().toISOString(), is_past: false, buckets, alerts: [], forecasts: [] }) as unknown as Overview;

/** What the database holds, as the hub sees it. */
const world = { mark: '1', overview: overview(bucket('A', 10), bucket('B', 20)), away: false, looks: 0, reads: 0 };
const hub = new Hub({
  mark: async () => {
    world.looks += 1;
    if (world.away) throw new DatabaseUnavailableError('connect ECONNREFUSED');
    return await Promise.resolve(world.mark);
  },
  overview: async () => {
    world.reads += 1;
    return await Promise.resolve(world.overview);
  },
  lookMs: 5,
  atLeastMs: 1e9,
});
function commit(...buckets: never[]): void {
  world.overview = overview(...buckets);
  world.mark += '+';
}

const server = createServer((_, response) => streamOf(hub).begin(response));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Event {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** A reader and what it was told so far. */
async function reader(): Promise<{ readonly events: Event[]; readonly close: () => void }> {
  const gone = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}`, { signal: gone.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events: Event[] = [];
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (text + chunk).split('\n\n');
      text = parts.pop() ?? '';
      events.push(...parts.filter((part) => part.includes('data:')).map(eventOf));
    }
  };
  read().catch(() => undefined);
  onTestFinished(() => gone.abort());
  return { events, close: () => gone.abort() };
}

function eventOf(text: string): Event {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1];
  return { name: field('event') ?? '', id: field('id'), data: JSON.parse(field('data') ?? '') as unknown };
}

const until = async (what: string, isSo: () => boolean): Promise<unknown> =>
  await eventually(what, async () => await Promise.resolve(isSo()));

const named = (events: readonly Event[]): string[] => events.map(({ name }) => name);

describe('[PAGE-16] the stream', () => {
  test('has the whole overview first, then what changed, alike for all who watch', async () => {
    const [one, two] = [await reader(), await reader()];
    await until('both have the whole', () => one.events.length === 1 && two.events.length === 1);
    expect(one.events).toEqual(two.events);
    expect(one.events[0]?.data).toMatchObject({ buckets: [{}, {}] });
    const reads = world.reads;
    commit(bucket('B', 5), bucket('A', 10));
    await until('both have the change', () => one.events.length === 2 && two.events.length === 2);
    expect(one.events).toEqual(two.events);
    const change = one.events[1]?.data as OverviewChange;
    expect(change.buckets).toMatchObject([{ endpoint_id: 'B', available_tokens: 5 }]);
    expect(change.buckets[0]).not.toHaveProperty('sparkline');
    expect(change.order.map((name) => name.endpoint_id)).toEqual(['B', 'A']);
    commit(bucket('B', 5, [1]));
    await until('and the next', () => one.events.length === 3);
    expect(one.events[2]?.data).toMatchObject({
      buckets: [{ endpoint_id: 'B', sparkline: [1] }],
      gone: [{ participant: '1', endpoint_id: 'A' }],
    });
    expect(new Set(one.events.map(({ id }) => id)).size).toBe(3);
    // One look for all of them, and none at what was not committed.
    expect(world.reads).toBe(reads + 2);
  });

  test('tells nothing where nothing but the age of things changed', async () => {
    const { events } = await reader();
    await until('it has the whole', () => events.length === 1);
    const reads = world.reads;
    commit(bucket('B', 5, [1]));
    await until('it was read', () => world.reads > reads);
    commit(bucket('B', 6, [1]));
    await until('the next is told', () => events.length > 1);
    expect(events[1]?.data).toMatchObject({ buckets: [{ available_tokens: 6 }] });
  });

  test('says once that the database is away, and has the whole again when it is back', async () => {
    const { events } = await reader();
    await until('it has the whole', () => events.length === 1);
    world.away = true;
    const looks = world.looks;
    await until('it was asked several times', () => world.looks > looks + 3);
    const late = await reader();
    await until('who comes now is told, too', () => late.events.length === 1);
    world.away = false;
    await until('it is back', () => events.length === 3 && late.events.length === 2);
    expect(named(events)).toEqual(['overview', 'problem', 'overview']);
    expect(events[1]?.data).toMatchObject({ status: 503, detail: 'connect ECONNREFUSED' });
    expect(named(late.events)).toEqual(['problem', 'overview']);
  });

  test('keeps no more than it sent for a reader that takes nothing, and gives it the newest when it does', async () => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: b\r\n\r\n');
    const { events } = await reader();
    const large = (tokens: number) =>
      bucket(
        'L',
        tokens,
        Array.from({ length: 200_000 }, () => tokens),
      );
    for (let tokens = 1_000; tokens < 1_030; tokens += 1) {
      const before = events.length;
      commit(large(tokens));
      await until(`${tokens} is told`, () => events.length > before);
    }
    let text = '';
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.resume();
    await until('it has the newest', () => text.includes('"available_tokens":1029'));
    // Not all 30 of a megabyte each: what did not fit was left out.
    expect(text.match(/^id: /gm)?.length).toBeLessThan(25);
  });

  test('rests while nobody watches', async () => {
    const { events, close } = await reader();
    await until('it has the whole', () => events.length === 1);
    close();
    await until('nobody is left', () => hub.latest === null);
    const looks = world.looks;
    let others = 0;
    const another = new Hub({
      mark: async () => await Promise.resolve(String((others += 1))),
      overview: async () => await Promise.resolve(world.overview),
      lookMs: 5,
    });
    onTestFinished(another.listen({ changed: () => undefined, failed: () => undefined }));
    await until('another one has looked often', () => others > 5);
    expect(world.looks).toBeLessThanOrEqual(looks + 1);
    const again = await reader();
    await until('who comes then has the whole', () => again.events.length === 1);
  });
});

describe('[PAGE-14] questions about history', () => {
  /** Ends when it is told to, or cancelled. */
  const study = () => {
    let end = (_: string): void => undefined;
    let fail = (_: unknown): void => undefined;
    const ended = new Promise<string>((resolve, reject) => ([end, fail] = [resolve, reject]));
    const state = { begun: 0, cancelled: false, end };
    const work = async (signal: AbortSignal): Promise<string> => {
      state.begun += 1;
      signal.addEventListener('abort', () => {
        state.cancelled = true;
        fail(signal.reason);
      });
      return await ended;
    };
    return { state, work };
  };
  const never = new AbortController().signal;

  test('run one at a time; whoever asks the same gets the same', async () => {
    const studies = new Studies();
    const [one, two] = [study(), study()];
    const first = studies.ask('1', never, one.work);
    const same = studies.ask('1', never, one.work);
    const second = studies.ask('2', never, two.work);
    await until('the first has begun', () => one.state.begun === 1);
    expect(two.state.begun).toBe(0);
    one.state.end('one');
    expect(await Promise.all([first, same])).toEqual(['one', 'one']);
    two.state.end('two');
    expect(await second).toBe('two');
    expect([one.state.begun, two.state.begun]).toEqual([1, 1]);
  });

  test('end when the last that asked has gone away, and no sooner', async () => {
    const studies = new Studies();
    const { state, work } = study();
    const [one, two] = [new AbortController(), new AbortController()];
    const asked = [studies.ask('1', one.signal, work), studies.ask('1', two.signal, work)];
    const outcomes = Promise.allSettled(asked);
    await until('it has begun', () => state.begun === 1);
    one.abort();
    await asked[0]?.catch(() => undefined);
    expect(state.cancelled).toBe(false);
    two.abort();
    await outcomes;
    expect(state.cancelled).toBe(true);
    const again = study();
    again.state.end('again');
    expect(await studies.ask('1', never, again.work)).toBe('again');
  });

  test('end when they take too long, and too many do not wait', async () => {
    const late = study();
    await expect(new Studies({ limitMs: 1 }).ask('1', never, late.work)).rejects.toThrow(TooMuchError);
    const full = new Studies({ mostWaiting: 1 });
    const { state, work } = study();
    const first = full.ask('1', never, work);
    await expect(full.ask('2', never, work)).rejects.toThrow(OutageError);
    state.end('one');
    expect(await first).toBe('one');
  });
});
