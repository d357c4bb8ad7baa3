/** What is remembered of where the log began. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readFirst, rememberFirst, rememberOther } from '../../src/store/firstMessages.ts';
import { migrate } from '../../src/store/migrate.ts';
import { runParts } from '../../src/store/parts.ts';
import { withoutCallAlerts } from '../support/callAlerts.ts';
import { emptyDatabase } from '../support/database.ts';

const { url, database } = await emptyDatabase();
await migrate(url);

type Step =
  | { readonly log: string; readonly position: string }
  | { readonly otherSource: string }
  | { readonly namespace: string }
  | { readonly forgets: true };

const [HERE, ELSEWHERE] = [randomUUID(), randomUUID()];
const read = (position: string): Step => ({ log: HERE, position });

async function done(steps: readonly Step[]): Promise<string | null> {
  const topic = randomUUID();
  const at = (position: string) => new Map([[3, position]]);
  await database.execute('update balde.installation set log = $1, remembers_first = true', [HERE]);
  for (const step of steps) {
    if ('position' in step) await runParts(database, rememberFirst(topic, at(step.position)));
    else if ('otherSource' in step) await rememberOther(database, topic, at(step.otherSource));
    else if ('namespace' in step) await database.execute('update balde.installation set log = $1', [step.namespace]);
    else await database.execute('update balde.installation set remembers_first = false');
  }
  const found = await readFirst(database, topic);
  if (found === null) return null;
  return found.get(3) ?? 'nothing';
}

describe('the first message of a partition [REBUILD-9]', () => {
  const cases: Readonly<Record<string, readonly [readonly Step[], string | null]>> = {
    'is none where nothing was read': [[], 'nothing'],
    'is the one that was read first': [[read('0001')], '0001'],
    'stays when the processors begin anew after messages were removed': [[read('0001'), read('0007')], '0001'],
    'is an earlier one, should one be read after all': [[read('0007'), read('0001')], '0001'],
    'is unknown on another namespace, where positions mean something else': [
      [read('0001'), { namespace: ELSEWHERE }],
      '',
    ],
    'stays unknown there, whatever is read': [[read('0005'), { namespace: ELSEWHERE }, read('0001')], ''],
    'stays known when an archive begins with the same one': [[read('0001'), { otherSource: '0001' }], '0001'],
    'is unknown once an archive that begins earlier was read': [
      [read('0007'), { otherSource: '0001' }, read('0007')],
      '',
    ],
    'is unknown once an archive of elsewhere was read': [[read('0001'), { otherSource: '0009' }], ''],
    'is unknown once an archive was read before the log': [[{ otherSource: '0001' }, read('0001')], ''],
    'is not known of an installation that was there before its memory': [[{ forgets: true }, read('0001')], null],
  };
  it.each(Object.entries(cases))('%s', async (_, [steps, expected]) => {
    expect(await done(steps)).toBe(expected);
  });
});

describe('an installation [REBUILD-9]', () => {
  it.each([
    ['that is new remembers the first messages', '', true],
    [
      'that has read before does not, and can’t find out',
      `insert into balde.checkpoint (fold, version, partition, position) values ('states', 1, 0, '0001')`,
      false,
    ],
    [
      'whose processors were made to begin anew does not either',
      `insert into balde.checkpoint (fold, version, partition) values ('states', 1, 0)`,
      false,
    ],
  ])('%s', async (_, before, remembers) => {
    const upgraded = await emptyDatabase();
    await migrate(upgraded.url);
    const sql = upgraded.database;
    // As the migration before left it.
    await sql.execute('drop table balde.first_message');
    await sql.execute('alter table balde.installation drop column remembers_first');
    await sql.execute('alter table balde.projection drop column views_sql');
    await sql.execute('alter table balde.process drop column standing_by, drop column next_polls');
    await withoutCallAlerts(sql);
    await sql.execute(`delete from balde_migrations.migration where name >= '0010'`);
    if (before !== '') await sql.execute(before);
    await migrate(upgraded.url);
    expect((await readFirst(sql, 'topic')) !== null).toBe(remembers);
  });
});
