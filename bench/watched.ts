/**
 * What being watched costs: `npm run bench:watched -- [--streams 1000] [--rate 50] [--rounds 7] [--seconds 20]
 * [--together]`.
 * `balde start` as users run it polls a Bridge every two seconds, of 58 buckets some of which cross a threshold each
 * time. By turns the same load is on Balde, or on a dummy that answers the same bytes: open streams and requests at
 * once. Told are the newest observation's age, the time from the Bridge's answer to the alert on its topic, the
 * delay of a live update from its commit to a reader, each as the median of the rounds' ratios, and Balde's memory.
 * What is watched is a process with role http alone, or with --together the one that does all.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { RATE_LIMIT_ALERTS } from '../src/codec/topics.ts';
import { tail } from '../src/consume/tail.ts';
import { EmbeddedLog } from '../src/log/embedded/embeddedLog.ts';
import { serveBridge } from '../src/simulator/server.ts';
import { openDatabase } from '../src/store/database.ts';
import type { Database } from '../src/store/database.ts';
import { install, median, onServer, option, PARTICIPANT } from './common.ts';
import { printTable } from './options.ts';
import { busyBridge, megabytesOf, startBalde } from './running.ts';
import type { Carried, Dummy, Order } from './watchedLoad.ts';

const streams = option('streams', 1_000);
const rate = option('rate', 50);
const rounds = option('rounds', 7);
const seconds = option('seconds', 20);
const isTogether = process.argv.includes('--together');
const POLL_SECONDS = 2;
/** How long one stream is watched for what it brings. */
const SAMPLE_MS = 20_000;
/** Until the load is at its full height and what it brought about is over. */
const SETTLE_MS = 6_000;
const LIMIT = 1.1;
const LIVE_LIMIT_MS = 1_000;

const order = (child: ChildProcess, what: Order): void => void child.send(what);
const startOther = (): ChildProcess => fork(new URL('./watchedLoad.js', import.meta.url));
const answerOf = async <T>(child: ChildProcess): Promise<T> => ((await once(child, 'message')) as [T])[0];

/** What is seen of Balde from outside, until it is ended. Milliseconds. */
class Watcher {
  ages: number[] = [];
  alerts: number[] = [];
  /** From when an observation is in the tables, seen within {@link LOOK_MS}, to when a reader of the stream has it. */
  updates: number[] = [];
  newestEvent = '';
  /** Of events that tell of changes. */
  changedBytes = 0;
  readonly #stop = new AbortController();
  readonly #database: Database;
  readonly #committed = new Map<number, number>();
  readonly #running: Promise<unknown>[];

  constructor(databaseUrl: string, url: string) {
    this.#database = openDatabase({ url: databaseUrl, poolSize: 2 });
    const log = new EmbeddedLog(this.#database);
    const follow = tail(log, RATE_LIMIT_ALERTS, (event) => this.#alert(event), this.#stop.signal);
    this.#running = [follow, this.#look(), this.#read(url)];
  }

  begin(): void {
    [this.ages, this.alerts, this.updates] = [[], [], []];
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
    await this.#database.close();
  }

  #alert(event: { readonly type: string; readonly timestamp?: number }): void {
    if (event.type === 'AlertRaised' && event.timestamp !== undefined) this.alerts.push(Date.now() - event.timestamp);
  }

  async #look(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const [row] = await this.#database.query<{ newest: number | null }>(
        'select max(response_time) as newest from v_dict_rate_limit_latest_states',
      );
      const now = Date.now();
      if (row?.newest !== null && row?.newest !== undefined) {
        this.ages.push(now - row.newest);
        if (!this.#committed.has(row.newest)) this.#committed.set(row.newest, now);
      }
      await delay(LOOK_MS);
    }
  }

  async #read(url: string): Promise<void> {
    await new Promise<void>((closed) => {
      let rest = '';
      const request = get(`${url}/api/v1/stream`, { agent: false, signal: this.#stop.signal }, (response) => {
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          const events = `${rest}${text}`.split('\n\n');
          rest = events.pop() ?? '';
          for (const event of events) this.#event(event);
        });
        response.once('close', closed);
      });
      request.on('error', () => closed());
    });
  }

  #event(event: string): void {
    const now = Date.now();
    const found = /"last_observation":"([^"]+)"/.exec(event)?.[1];
    if (found === undefined) return;
    if (event.includes('event: change')) {
      this.newestEvent = `${event}\n\n`;
      this.changedBytes += event.length;
    }
    const at = Date.parse(found);
    const committed = this.#committed.get(at) ?? now;
    if (this.#told === at) return;
    this.#told = at;
    this.updates.push(now - committed);
  }

  #told = 0;
}

const LOOK_MS = 25;

interface Seen {
  readonly age: number;
  readonly alert: number;
  readonly update: number;
  readonly megabytes: number;
  readonly carried: Carried;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

interface Arm {
  readonly url: string;
  readonly paths: readonly string[];
  readonly watcher: Watcher;
  readonly balde: ChildProcess;
}

async function measured({ url, paths, watcher, balde }: Arm): Promise<Seen> {
  const load = startOther();
  order(load, { load: { url, streams, rate, paths } });
  await delay(SETTLE_MS);
  watcher.begin();
  await delay(seconds * 1_000);
  const { ages, alerts, updates } = watcher;
  const megabytes = megabytesOf(balde);
  order(load, 'end');
  const carried = await answerOf<Carried>(load);
  load.disconnect();
  return { age: mean(ages), alert: median(alerts), update: median(updates), megabytes, carried };
}

/** An event, and how often it makes as many bytes as Balde's stream. */
async function streamed(watcher: Watcher): Promise<Pick<Dummy, 'event' | 'everyMs'>> {
  const before = watcher.changedBytes;
  await delay(SAMPLE_MS);
  const event = watcher.newestEvent;
  return { event, everyMs: (SAMPLE_MS * event.length) / (watcher.changedBytes - before) };
}

async function bodiesOf(url: string, paths: readonly string[]): Promise<Record<string, string>> {
  const bodies: Record<string, string> = {};
  for (const path of paths) {
    const response = await fetch(`${url}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    bodies[path] = await response.text();
  }
  return bodies;
}

const pathsOf = (): string[] => {
  const bucket = (i: number): string => `${PARTICIPANT}/POLICY_${String(i).padStart(2, '0')}`;
  return ['/', '/api/v1/overview', '/api/v1/alerts', '/metrics', '/what-if']
    .flatMap((path, i) => [path, `/buckets/${bucket(i)}?range=1h`, `/api/v1/buckets/${bucket(i + 10)}`])
    .concat(`/api/v1/what-if?participant=${PARTICIPANT}&policy=POLICY_07&warning=30`);
};

function report(pairs: readonly (readonly [dummy: Seen, balde: Seen])[]): boolean {
  const ms = (value: number): string => value.toFixed(0);
  printTable([
    ['round', 'load on', 'age ms', 'alert ms', 'live ms', 'Balde MB', 'streams', 'answers', 'failed', 'MB streamed'],
    ...pairs.flatMap((pair, i) =>
      pair.map(({ age, alert, update, megabytes, carried }, arm) => [
        ...[String(i + 1), arm === 0 ? 'a dummy' : 'Balde', ms(age), ms(alert), ms(update), ms(megabytes)],
        ...[carried.streams, carried.answers, carried.failed, Math.round(carried.streamedBytes / 1e6)].map(String),
      ]),
    ),
  ]);
  const ratio = (of: (seen: Seen) => number): number => median(pairs.map(([dummy, balde]) => of(balde) / of(dummy)));
  const [age, alert] = [ratio((seen) => seen.age), ratio((seen) => seen.alert)];
  const live = median(pairs.map(([, { update }]) => update));
  const alone = median(pairs.map(([{ update }]) => update));
  console.log(
    `medians of ratios: newest observation's age ${age.toFixed(3)}, alert latency ${alert.toFixed(3)} (limit ${LIMIT})`,
  );
  console.log(
    `live update, from commit to reader: ${ms(alone)} ms, under load ${ms(live)} ms (limit ${LIVE_LIMIT_MS} ms)`,
  );
  return age <= LIMIT && alert <= LIMIT && live <= LIVE_LIMIT_MS;
}

await onServer(async (createDatabase) => {
  const databaseUrl = await createDatabase('watched');
  await (await install(databaseUrl)).close();
  const served = await serveBridge(busyBridge());
  const environment = { POLL_INTERVAL: `${POLL_SECONDS}s` };
  const work = await startBalde(databaseUrl, served.address, environment);
  const web = isTogether ? work : await startBalde(databaseUrl, served.address, environment, ['http']);
  const { child: balde, url } = web;
  const watcher = new Watcher(databaseUrl, url);
  while (watcher.alerts.length === 0 || watcher.newestEvent === '') await delay(200);
  const paths = pathsOf();
  const dummy = startOther();
  order(dummy, { dummy: { bodies: await bodiesOf(url, paths), ...(await streamed(watcher)) } });
  const dummyUrl = await answerOf<string>(dummy);
  const how = isTogether ? 'one process' : 'role http in a process of its own';
  console.log(
    `${how}, ${streams} streams, ${rate} requests a second; ${megabytesOf(balde).toFixed(0)} MB without them`,
  );
  const pairs: (readonly [Seen, Seen])[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each arm goes first as often as the other.
    const on = async (address: string): Promise<Seen> => await measured({ url: address, paths, watcher, balde });
    if (round % 2 === 0) {
      const first = await on(dummyUrl);
      pairs.push([first, await on(url)]);
    } else {
      const first = await on(url);
      pairs.push([await on(dummyUrl), first]);
    }
  }
  const holds = report(pairs);
  await delay(SETTLE_MS);
  console.log(`Balde has ${megabytesOf(balde).toFixed(0)} MB afterwards`);
  dummy.disconnect();
  await watcher.end();
  for (const { child } of new Set([work, web])) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await served.close();
  process.exitCode = holds ? 0 : 1;
});
process.exit();
