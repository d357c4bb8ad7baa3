/** Cases of a database that knows less than the alert topic, for either log. */
import { expect, it } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { observationId } from '../../src/domain/identity.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { reset } from '../../src/operate/checkpoints.ts';
import type { Database } from '../../src/store/database.ts';
import { observed } from '../support/observations.ts';
import { rebuilt } from '../support/rebuilds.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { publish } from './inProcess.ts';
import { backup, forget, restore, start } from './restoring.ts';
import type { Processes } from './restoring.ts';
import { decodeAlertEvent } from '../../src/codec/alertEvent.ts';

export interface World {
  readonly database: Database;
  readonly log: EventLog;
  /** The topic of observations deleted and made anew. */
  remake(): Promise<EventLog>;
}

const W20 = DEFAULT_RULES;
const W30 = { ...DEFAULT_RULES, warningPercent: 30 };
/** Two participants, in different partitions. */
const [ONE, TWO] = ['12345678', '12345675'];

const at = (minute: number, tokens: number, participant = ONE): PolicyStateObserved => {
  const { responseTime, policy } = observed('X', minute, tokens);
  return observed('X', minute, tokens, {
    participant,
    eventId: observationId(participant, policy, responseTime),
  });
};

interface Told {
  readonly id: string;
  readonly text: string;
}

/** What the topic tells of each participant's alerts, in order: `raised 20`, `resolved 20 SUPERSEDED`. */
async function told(log: EventLog, participant = ONE): Promise<string[]> {
  const events = (await readTopicOnce(log, RATE_LIMIT_ALERTS.name)).flatMap(({ payload }): Told[] => {
    const event = decodeAlertEvent({ payload });
    if (event?.participant !== participant) return [];
    if (event.type !== 'AlertRaised' && event.type !== 'AlertResolved') return [];
    const raisedAt = event.type === 'AlertRaised' ? event.timestamp : event.raisedAt;
    const minute = (raisedAt - observed('X', 0, 0).responseTime) / 60_000;
    const what = event.type === 'AlertRaised' ? 'raised' : `resolved ${event.reason}`;
    return [{ id: event.eventId, text: `${minute} ${event.severity} ${what}` }];
  });
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  return events.map(({ text }) => text);
}

async function during<T>(processes: Processes, work: () => Promise<T>): Promise<T> {
  const result = await work();
  await processes.settle();
  expect(processes.observer.letters).toEqual([]);
  await processes.stop();
  return result;
}

/** Every alert on the topic has ended, once; no letter; the table is what its topic gives. */
async function expectAllOver({ database, log }: Pick<World, 'database' | 'log'>): Promise<void> {
  for (const participant of [ONE, TWO]) {
    const events = await told(log, participant);
    const raised = events.filter((text) => text.endsWith('raised')).map((text) => text.replace(' raised', ''));
    const over = events.filter((text) => !text.endsWith('raised')).map((text) => text.split(' resolved')[0]);
    expect(over.sort()).toEqual(raised.sort());
  }
  const { comparison } = await rebuilt(database, log, 'alerts', { cutOver: false });
  expect([comparison?.differences, comparison?.apart]).toEqual([[], []]);
  const open = await database.query('select * from dict_rate_limit_alerts where not resolved');
  expect(open).toEqual([]);
}

export function reconciling(open: () => Promise<World>): void {
  it('a database that is only behind sends nothing, whatever was decided since [OUT-4]', async () => {
    const world = await open();
    const { database, log } = world;
    await during(start(database, log, W20), async () => {
      await publish(log, [at(0, 50), at(0, 15, TWO)]);
    });
    await backup(database);
    await during(start(database, log, W20), async () => {
      await publish(log, [at(1, 15), at(2, 5), at(3, 50), at(4, 15), at(4, 5, TWO), at(5, 90, TWO)]);
    });
    const [one, two] = [await told(log), await told(log, TWO)];
    await restore(database);
    const again = start(database, log, W20);
    await during(again, async () => Promise.resolve());
    expect(again.superseded()).toBe(0);
    expect([await told(log), await told(log, TWO)]).toEqual([one, two]);
    await during(start(database, log, W20), async () => publish(log, [at(6, 90)]));
    await expectAllOver(world);
  });

  it('thresholds changed since the backup: what the new ones do not know is ended, once [OUT-4, DOM-8]', async () => {
    const world = await open();
    const { database, log } = world;
    await during(start(database, log, W20), async () => publish(log, [at(0, 50)]));
    await backup(database);
    await during(start(database, log, W20), async () => publish(log, [at(1, 25), at(2, 15)]));
    await restore(database);
    const again = start(database, log, W30);
    await during(again, async () => Promise.resolve());
    expect(again.superseded()).toBe(1);
    expect(await told(log)).toEqual(['2 WARNING raised', '1 WARNING raised', '2 WARNING resolved SUPERSEDED']);
    const table = `select extract(minute from created_at)::int as minute, resolution_reason as reason
      from dict_rate_limit_alerts order by 1`;
    expect(await database.query(table)).toEqual([
      { minute: 1, reason: null },
      { minute: 2, reason: 'SUPERSEDED' },
    ]);
    await during(start(database, log, W30), async () => {
      await publish(log, [at(3, 90), at(4, 15), at(5, 90), at(6, 5), at(7, 90)]);
    });
    await expectAllOver(world);
  });

  it('an alert that the topic has ended and the database has open is decided anew [OUT-4]', async () => {
    const world = await open();
    const { database, log } = world;
    await during(start(database, log, W20), async () => publish(log, [at(0, 15)]));
    await backup(database);
    await during(start(database, log, W20), async () => publish(log, [at(1, 25)]));
    await restore(database);
    await during(start(database, log, W30), async () => Promise.resolve());
    expect(await told(log)).toEqual(['0 WARNING raised', '0 WARNING resolved RECOVERED']);
    await during(start(database, log, W30), async () => publish(log, [at(2, 24)]));
    expect((await told(log)).slice(2)).toEqual(['2 WARNING raised']);
    await during(start(database, log, W30), async () => publish(log, [at(3, 90)]));
    await expectAllOver(world);
  });

  it('observations since the backup are gone: told first, and after a reset ended [OUT-4, PUL-2]', async () => {
    const world = await open();
    const { database } = world;
    await during(start(database, world.log, W20), async () => publish(world.log, [at(0, 50), at(0, 50, TWO)]));
    await backup(database);
    await during(start(database, world.log, W20), async () =>
      publish(world.log, [at(1, 25), at(2, 15), at(3, 5, TWO)]),
    );
    await restore(database);
    const log = await world.remake();
    const refused = start(database, log, W20);
    await publish(log, [at(8, 15)]);
    await expect(refused.settle()).rejects.toThrow(/no longer has the message/);
    expect(refused.superseded()).toBe(0);
    await refused.stop();

    await reset({ database }, { topic: POLICY_STATES.name });
    const again = start(database, log, W20);
    await during(again, async () => Promise.resolve());
    expect(again.superseded()).toBe(2);
    expect((await told(log)).sort()).toEqual(['2 WARNING raised', '2 WARNING resolved SUPERSEDED', '8 WARNING raised']);
    // Of a participant that nothing came from any more, too: its partition is empty.
    expect(await told(log, TWO)).toEqual(['3 CRITICAL raised', '3 CRITICAL resolved SUPERSEDED']);
    await during(start(database, log, W20), async () => publish(log, [at(9, 90)]));
    await expectAllOver({ database, log });
  });

  it('a new database on the old topics: what is decided the same again stays, the rest is ended [OUT-4]', async () => {
    const world = await open();
    const { database, log } = world;
    await during(start(database, log, W20), async () => {
      await publish(log, [at(0, 15), at(1, 90), at(2, 25), at(3, 15), at(4, 5, TWO)]);
    });
    await forget(database);
    const same = start(database, log, W20);
    await during(same, async () => Promise.resolve());
    expect(same.superseded()).toBe(0);
    expect(await told(log, TWO)).toEqual(['4 CRITICAL raised']);
    await forget(database);
    const other = start(database, log, W30);
    await during(other, async () => Promise.resolve());
    expect(other.superseded()).toBe(1);
    expect((await told(log)).slice(3)).toEqual(['2 WARNING raised', '3 WARNING resolved SUPERSEDED']);
    await during(start(database, log, W30), async () => publish(log, [at(8, 90), at(8, 90, TWO)]));
    await expectAllOver(world);
  });

  it('stopped before it is sent, and taken over by others: ended once [OUT-2, OUT-4]', async () => {
    const world = await open();
    const { database, log } = world;
    await during(start(database, log, W20), async () => publish(log, [at(0, 50)]));
    await backup(database);
    await during(start(database, log, W20), async () => publish(log, [at(1, 25), at(2, 15)]));
    await restore(database);
    const halfway = start(database, log, W30, { relays: false });
    await during(halfway, async () => Promise.resolve());
    expect(halfway.superseded()).toBe(1);
    const next = start(database, log, W30, { relays: false });
    await during(next, async () => Promise.resolve());
    expect(next.superseded()).toBe(0);
    await during(start(database, log, W30), async () => Promise.resolve());
    await during(start(database, log, W30), async () => publish(log, [at(3, 90)]));
    await expectAllOver(world);
  });
}
