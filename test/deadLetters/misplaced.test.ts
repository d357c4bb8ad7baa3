import { describe, expect, it } from 'vitest';
import { openOutcomesPublisher } from '../../src/calls/publish.ts';
import { REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import { partitionOf } from '../../src/log/partitionOf.ts';
import { letters } from '../../src/operate/deadLetters.ts';
import { retryLetters } from '../../src/operate/retryLetters.ts';
import { foldOf } from '../../src/topology/folds.ts';
import { baldeDatabase } from '../support/database.ts';
import { allLetters, collect, settle } from '../support/deadLetters.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { never, patience, readAll } from '../support/topics.ts';
import { rebuilt } from '../support/rebuilds.ts';

const { name: TOPIC, partitions } = REQUEST_OUTCOMES;
const OWN = partitionOf(PARTICIPANT, partitions);
const WRONG = (OWN + 1) % partitions;

/** Two windows, the second as a client that chooses partitions by another rule would have published it. */
async function given() {
  const { database, log } = await baldeDatabase();
  const publisher = await openOutcomesPublisher(log, () => NOON + 60 * MINUTE, never);
  await publisher.publish([outcomes({ status200: 5 }), outcomes({ windowStart: NOON + MINUTE, status200: 7 })]);
  await publisher.close();
  await database.execute(
    `update balde_log.message set partition = $2, position = 1
     where topic_id = (select id from balde_log.topic where name = $1) and partition = $3 and position = 2`,
    [TOPIC, WRONG, OWN],
  );
  const move = `update balde_log.partition set next_position = 2
    where topic_id = (select id from balde_log.topic where name = $1) and partition in ($2, $3)`;
  await database.execute(move, [TOPIC, OWN, WRONG]);
  return { database, log };
}

describe('[CALLS-12] windows in a partition that is not their participant’s', () => {
  it('are set aside with what to do, by live processing as by a rebuild, and sent again they count', async () => {
    const { database, log } = await given();
    const stored = async (): Promise<number[]> => {
      const rows = await database.query<{ n: number }>(
        'select status_200 as n from dict_rate_limit_outcomes order by starts_at',
      );
      return rows.map(({ n }) => n);
    };
    await settle(database, log);
    expect(await stored()).toEqual([5]);
    const [letter, ...others] = await allLetters({ database, log });
    expect(others).toEqual([]);
    expect(letter?.facts.reason).toMatch(
      new RegExp(
        `^it lies in partition ${WRONG}, and windows of its participant belong into ${OWN} .*docs/outcomes.md`,
      ),
    );
    const { comparison } = await rebuilt(database, log, 'outcomes');
    expect(comparison?.differences ?? []).toEqual([]);

    const signal = patience();
    await collect(retryLetters({ database, log }, letters({ database, log }, { signal }), signal));
    await settle(database, log);
    expect(await stored()).toEqual([5, 7]);
    expect(await allLetters({ database, log }, false)).toEqual([]);
  });

  it('are taken in where somebody has added partitions by hand: nothing tells which is theirs', async () => {
    const { log } = await given();
    const { decode } = foldOf('outcomes');
    const [first] = (await readAll(log, TOPIC)).filter(({ partition }) => partition === OWN);
    if (first === undefined) expect.fail('it was published');
    expect(decode(first)).toMatchObject({ status200: 5 });
    expect(decode({ ...first, partition: partitions + 1 })).toMatchObject({ status200: 5 });
    expect(() => decode({ ...first, partition: WRONG })).toThrow('balde dead-letters retry');
  });
});
