import { beforeAll, describe, expect, test } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { reset } from '../../src/operate/checkpoints.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { FOLDS } from '../../src/topology/folds.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { whenCaughtUp } from '../../src/consume/progress.ts';
import type { Database } from '../../src/store/database.ts';
import { hashAlerts, hashStates } from '../../src/store/hash.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { junk, settle } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { patience, readAll, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { balde, jsonOf } from './balde.ts';

interface ListJson {
  readonly checkpoints: readonly {
    readonly fold: string;
    readonly version: number;
    readonly topic: string;
    readonly partition: number;
    readonly position: string | null;
    readonly moved_at: string | null;
    readonly behind: number | null;
    readonly problem: string | null;
  }[];
}

/** Falls, recovers, and changes its category: alerts raised, resolved, and a change of category. */
const story = (policy: string) => [
  outgoing(observed(policy, 0, 300)),
  outgoing(observed(policy, 5, 40)),
  outgoing(observed(policy, 10, 10)),
  outgoing(observed(policy, 15, 250)),
  outgoing({ ...observed(policy, 20, 5), category: 'A' }),
];

const stories = ['P0', 'P1', 'P2', 'P3', 'P4', 'P5'].flatMap(story);

/** Everything that anybody could see. */
async function pictureOf(database: Database, log: EmbeddedLog) {
  const alerts = await readAll(log, RATE_LIMIT_ALERTS.name);
  return {
    states: await hashStates(database, 'states_v1'),
    alerts: await hashAlerts(database, 'alerts_v1'),
    published: alerts.map(({ payload }) => payload.toString()),
    outbox: await outboxSize(database),
  };
}

describe('balde checkpoints [OPS-6]', async () => {
  const { url, database, log } = await baldeDatabase();
  const environment = { DATABASE_URL: url };

  beforeAll(async () => {
    await publish(log, stories);
    await settle(database, log);
  });

  test('list: each processor and partition, its position, and what comes after it', async () => {
    const { checkpoints } = jsonOf<ListJson>(await balde(['checkpoints', 'list', '--json'], environment));
    expect(checkpoints).toHaveLength(FOLDS.length * 4);
    const ends = new Map((await log.ends(POLICY_STATES.name)).map(({ partition, last }) => [partition, last]));
    for (const { fold, topic, partition, position, behind, problem } of checkpoints) {
      expect([fold, partition, behind, problem]).toEqual([fold, partition, 0, null]);
      if (topic === POLICY_STATES.name) expect(position).toBe(ends.get(partition));
    }
    const { stdout } = await balde(['checkpoints', 'list'], environment);
    expect(stdout).toMatch(/^PROCESSOR +TOPIC +PARTITION +POSITION +MOVED AT +BEHIND$/m);
    expect(stdout).toMatch(/^states v1 +policy-states +\d +\d{16} +20\d\d-.*Z +0$/m);
  });

  test('reset asks first, names what it is about, and refuses what nobody reads', async () => {
    const asked = await balde(['checkpoints', 'reset', '--topic', 'policy-states', '--fold', 'states'], environment);
    expect(asked.code).toBe(1);
    expect(asked.stderr).toMatch(/^balde: this would let processors begin with the oldest message/);
    expect(asked.stderr).toMatch(/^ {2}states v1, partition \d, from \d{16}$/m);
    expect(asked.stderr).not.toMatch(/alerting/);
    const { stderr } = await balde(['checkpoints', 'reset', '--topic', 'nothing', '--yes'], environment);
    expect(stderr).toBe(
      'balde: no processor reads topic nothing: it is one of policy-states, rate-limit-alerts, request-outcomes, payer-outcomes\n',
    );
    const wrong = ['checkpoints', 'reset', '--topic', 'policy-states', '--fold', 'alerts', '--yes'];
    expect((await balde(wrong, environment)).stderr).toMatch(/alerts does not read topic policy-states/);
  });

  test('what is read again makes no second row and repeats no alert', async () => {
    const before = await pictureOf(database, log);
    expect(before.published.length).toBeGreaterThan(20);
    for (const topic of [POLICY_STATES.name, RATE_LIMIT_ALERTS.name]) {
      const { code, stdout } = await balde(['checkpoints', 'reset', '--topic', topic, '--yes'], environment);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^reset {2}\w+ v1, partition \d, from \d{16}: goes on with the oldest message kept$/m);
    }
    const { checkpoints } = jsonOf<ListJson>(await balde(['checkpoints', 'list', '--json'], environment));
    for (const { position } of checkpoints) expect(position).toBeNull();
    await settle(database, log);
    expect(await pictureOf(database, log)).toEqual(before);
  });

  test('of one partition, while its processor runs: it notices at its next batch and reads all again', async () => {
    const stop = new AbortController();
    let conflicts = 0;
    const observer = { ...silentObserver, conflict: () => (conflicts += 1) };
    const context = { database, log, rules: DEFAULT_RULES, observer };
    const running = FOLD_RUNNERS.states(context, stop.signal);
    try {
      const before = await hashStates(database, 'states_v1');
      const busy = (await log.ends(POLICY_STATES.name)).find(({ last }) => last !== null)?.partition ?? 0;
      // It has taken its partitions over: a message more in each of them is committed.
      await publish(log, story('P0').slice(0, 1));
      const states = FOLDS.filter(({ name }) => name === 'states');
      await whenCaughtUp(database, log, states, patience());
      const rows = await reset({ database }, { topic: POLICY_STATES.name, fold: 'states', partition: busy });
      expect(rows.map(({ fold, partition }) => [fold, partition])).toEqual([['states', busy]]);
      await publish(log, stories);
      await eventually('the conflict is noticed', async () => Promise.resolve(conflicts > 0));
      await whenCaughtUp(database, log, states, patience());
      expect(await hashStates(database, 'states_v1')).toBe(before);
    } finally {
      stop.abort(new Error('done'));
      await running;
    }
  });

  test('a message that nobody can use is set aside once more, under the event id it had', async () => {
    const { database: other, log: itsLog } = await baldeDatabase();
    await publish(itsLog, [junk('rubbish')]);
    await settle(other, itsLog);
    await reset({ database: other }, { topic: POLICY_STATES.name, fold: 'states' });
    await settle(other, itsLog);
    const letters = await readAll(itsLog, 'policy-states-states-DLQ');
    expect(new Set(letters.map(({ properties }) => properties['event_id'])).size).toBe(1);
  });
});

test('[OPS-6] checkpoints of another event log are told before anything is read', async () => {
  const { url, database, log } = await baldeDatabase();
  await publish(log, stories.slice(0, 5));
  await settle(database, log);
  await database.execute(`update balde.checkpoint set position = '0000000000000007:0000000000000001'
    where position is not null`);
  for (const command of [['migrate'], ['start', '--roles', 'states'], ['lag']]) {
    const { code, stderr } = await balde(command, { DATABASE_URL: url, HTTP_PORT: '0' });
    expect([command[0], code]).toEqual([command[0], 1]);
    expect(stderr).toMatch(/^balde: 0{15}7:0{15}1 is no position of the embedded event log: .*PULSAR_URL/);
    expect(stderr.split('\n')).toHaveLength(2);
  }
});
