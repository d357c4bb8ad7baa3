/** The example subscribers against a real broker: both tell the same, and what was published. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { isForecast } from '../../src/domain/events.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { decide, drain } from '../projections/drains.ts';
import { eventually } from '../support/eventually.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';
import { AlertTopic, callAlerts, decided, EXAMPLE, Follower, wireOf } from './given.ts';
import type { Program } from './given.ts';
import { pythonWith } from './python.ts';

const LANGUAGES = ['Python', 'TypeScript'] as const;
type Language = (typeof LANGUAGES)[number];

/** The first time, pip installs the client. */
const INSTALL_MS = 300_000;

const registered = JSON.parse(RATE_LIMIT_ALERTS.schema.definition) as {
  readonly fields: readonly { readonly name: string }[];
};

/** As the subscribers tell it: every registered field, null where the event has none. */
const told = (event: AlertEvent): object => ({
  ...Object.fromEntries(registered.fields.map(({ name }) => [name, null])),
  ...wireOf(event),
});

const parsed = (lines: readonly string[]): unknown[] => lines.map((line) => JSON.parse(line) as unknown);

function typeScript(): Program {
  const file = join(packageRoot, 'dist', 'examples', 'core-dict', 'subscriber.js');
  if (!existsSync(file)) throw new Error(`${file} is not there: run npm run build`);
  return [process.execPath, file];
}

describePulsar('the example subscribers', () => {
  const topics: AlertTopic[] = [];
  const running: Follower[] = [];
  let programs: Readonly<Record<Language, Program>>;

  const newTopic = async (): Promise<AlertTopic> => {
    const topic = new AlertTopic(pulsarBroker());
    topics.push(topic);
    await topic.open();
    return topic;
  };
  const follow = (language: Language, topic: AlertTopic, ...more: readonly string[]): Follower => {
    const { serviceUrl, adminUrl } = topic.settings;
    const where = ['--url', serviceUrl, '--admin-url', adminUrl, '--topic', topic.url];
    const follower = new Follower(programs[language], [...where, '--subscription', language, ...more]);
    running.push(follower);
    return follower;
  };

  beforeAll(async () => {
    const python = await pythonWith(join(EXAMPLE, 'requirements.txt'));
    programs = { Python: [python, join(EXAMPLE, 'subscriber.py')], TypeScript: typeScript() };
  }, INSTALL_MS);
  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (follower) => await follower.stop('SIGKILL')));
  });
  afterAll(async () => {
    await Promise.all(topics.map(async ({ log }) => await log.close()));
  });

  it('pass over types and fields of a newer Balde, and tell a new reason [OUT-6]', async () => {
    const topic = await newTopic();
    const [raised, , resolved] = decided('CLAIMS_READ') as [AlertEvent, AlertEvent, AlertEvent];
    const newer = { ...wireOf(raised), event_id: 'e1', event_type: 'AlertAcknowledged', by: { name: 'x' } };
    const reason = { ...wireOf(resolved), reason: 'FORGIVEN', note: [1] };
    await topic.publish([raised]);
    await topic.publishWire(newer);
    await topic.publishWire(reason);
    await Promise.all(
      LANGUAGES.map(async (language) => {
        const follower = follow(language, topic, '--from-beginning', '--count', '2', '--json');
        expect(await follower.ended(), follower.errors).toBe(0);
        expect(parsed(follower.lines)).toMatchObject([{ event_id: raised.eventId }, { reason: 'FORGIVEN' }]);
      }),
    );
  });

  it('tell the same, whole and in order, and each event once [OUT-5]', async () => {
    const topic = await newTopic();
    const [raised, changed, resolved] = decided('CLAIMS_READ') as [AlertEvent, AlertEvent, AlertEvent];
    const forecasts = decide(
      drain(
        20,
        Array.from({ length: 120 }, () => 0),
      ),
    ).filter(isForecast);
    expect(forecasts.map(({ type }) => type)).toEqual(['ForecastRaised', 'ForecastResolved']);
    const ofCalls = callAlerts('CLAIMS_READ');
    await topic.publish([raised, changed, raised, resolved, ...forecasts, ...ofCalls]);
    const lines = await Promise.all(
      LANGUAGES.map(async (language) => {
        const follower = follow(language, topic, '--from-beginning', '--count', '7', '--json');
        expect(await follower.ended(), follower.errors).toBe(0);
        return follower.lines;
      }),
    );
    expect(parsed(lines[0] ?? [])).toEqual([raised, changed, resolved, ...forecasts, ...ofCalls].map(told));
    expect(lines[1]).toEqual(lines[0]);
  });

  describe.each(LANGUAGES)('in %s', (language) => {
    it('goes on after what it acknowledged, and ends with 0 when it is told to', async () => {
      const topic = await newTopic();
      const before = decided('CLAIMS_READ');
      await topic.publish(before);
      const first = follow(language, topic, '--from-beginning');
      await first.until(3);
      expect(await first.stop('SIGTERM'), first.errors).toBe(0);
      expect(first.lines.map((line) => line.split(/\s{2,}/))).toEqual(
        before.map(({ timestamp, type, message }) => [new Date(timestamp).toISOString(), type, message]),
      );

      const after = decided('ENTRIES_WRITE');
      await topic.publish(after);
      const second = follow(language, topic, '--json');
      await second.until(3);
      expect(await second.stop('SIGINT'), second.errors).toBe(0);
      expect(parsed(second.lines)).toEqual(after.map(told));
    });

    it('connects again after the broker cut it off, and misses nothing', async () => {
      const topic = await newTopic();
      const follower = follow(language, topic, '--from-beginning', '--json');
      const before = decided('CLAIMS_READ');
      await topic.publish(before);
      await follower.until(3);
      await topic.unload();
      const after = decided('ENTRIES_WRITE');
      await eventually('the topic takes messages again', async () => await topic.publishes(after));
      await follower.until(6);
      expect(parsed(follower.lines)).toEqual([...before, ...after].map(told));
    });

    it('says which topic it can not follow, and ends with 1', async () => {
      const topic = await newTopic();
      const follower = follow(language, topic, '--topic', `${topic.url}-nope`);
      expect(await follower.ended()).toBe(1);
      expect(follower.errors).toContain(`${topic.url}-nope: `);
      expect(follower.errors).toContain('Schema not found');
    });
  });

  it('are never sent an event of another shape: the registry takes new fields that may be null, and no others', async () => {
    const topic = await newTopic();
    const path = `${topic.url.replace('persistent://', 'schemas/')}/schema`;
    const register = async (...more: readonly object[]): Promise<number> => {
      const schema = JSON.stringify({ ...registered, fields: [...registered.fields, ...more] });
      return (await topic.admin('POST', path, { type: 'JSON', schema, properties: {} })).status;
    };
    const reply: unknown = await (await topic.admin('GET', path)).json();
    expect(reply).toMatchObject({ type: 'JSON', data: RATE_LIMIT_ALERTS.schema.definition });
    expect(await register({ name: 'more', type: 'string' })).toBe(409);
    expect(await register({ name: 'more', type: ['null', 'string'] })).toBe(409);
    expect(await register({ name: 'more', type: ['null', 'string'], default: null })).toBe(200);
  });
});
