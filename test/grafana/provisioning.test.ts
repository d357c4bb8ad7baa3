/** What is provisioned goes together: login, data sources, dashboards and the services of docker-compose.yml. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readCompose } from '../compose/files.ts';
import { baldeDatabase } from '../support/database.ts';
import { GRAFANA, shipped } from './files.ts';

const yaml = (path: string): unknown => parse(readFileSync(join(GRAFANA, 'provisioning', path), 'utf8'));
const text = readFileSync(join(GRAFANA, 'provisioning', 'datasources', 'balde.yaml'), 'utf8');
const { datasources } = yaml('datasources/balde.yaml') as {
  readonly datasources: readonly {
    readonly uid: string;
    readonly type: string;
    readonly user?: string;
    readonly name: string;
  }[];
};
const { providers } = yaml('dashboards/balde.yaml') as {
  readonly providers: readonly { readonly options: { readonly path: string } }[];
};
const { environment = {}, volumes = [] } = readCompose().services['grafana'] ?? {};

interface SourceVariable {
  readonly type: string;
  readonly name: string;
  readonly query: string;
  readonly current: { readonly text: string; readonly value: string };
}

describe('[GRAF-5] provisioning', () => {
  test('has the data sources that dashboards take first', () => {
    const wanted = shipped().flatMap(({ templating }) =>
      (templating.list as readonly unknown[] as readonly SourceVariable[]).filter(({ type }) => type === 'datasource'),
    );
    expect(wanted).toHaveLength(5);
    for (const { query, current } of wanted)
      expect(datasources).toContainEqual(
        expect.objectContaining({ type: query, uid: current.value, name: current.text }),
      );
  });

  test('takes from the environment what docker-compose.yml gives', () => {
    const asked = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
    expect(asked.toSorted()).toEqual(
      Object.keys(environment)
        .filter((name) => name.startsWith('BALDE_'))
        .sort(),
    );
  });

  test('looks for the dashboards where docker-compose.yml has them', () => {
    const mounted = volumes.map((mount) => mount.split(':'));
    expect(mounted).toContainEqual(['./deploy/grafana/provisioning', '/etc/grafana/provisioning', 'ro']);
    expect(mounted).toContainEqual(['./deploy/grafana/dashboards', providers[0]?.options.path, 'ro']);
    expect(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(
      `${providers[0]?.options.path ?? ''}/overview.json`,
    );
  });
});

describe('[GRAF-5] role.sql', async () => {
  const { url, database } = await baldeDatabase();
  /** As psql puts the variable in. */
  const made = async (password: string): Promise<void> => {
    const statements = readFileSync(join(GRAFANA, 'role.sql'), 'utf8').replace(`:'password'`, `'${password}'`);
    await database.execute(statements);
  };
  const stored = async (): Promise<string> =>
    (await database.query<{ rolpassword: string }>(`select rolpassword from pg_authid where rolname = 'grafana'`))[0]
      ?.rolpassword ?? '';

  beforeAll(async () => await made('first'));
  afterAll(async () => {
    await database.execute('drop role grafana');
  });

  test('makes the login of the data source, which reads views, nothing else, and writes nowhere', async () => {
    expect(datasources[0]?.user).toBe('grafana');
    const client = new pg.Client(Object.assign(new URL(url), { username: 'grafana', password: 'first' }).href);
    await client.connect();
    const tried = async (statement: string) =>
      await client.query(statement).then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      );
    expect(await tried('select * from dict_rate_limit_states')).toBe('done');
    expect(await tried('select * from balde.outbox')).toMatch(/permission denied for schema balde/);
    expect(await tried('create temp table mine (a int)')).toMatch(/read-only transaction/);
    expect(await tried('set statement_timeout = 50; select pg_sleep(5)')).toMatch(/statement timeout/);
    const { rows } = await client
      .query<{ statement_timeout: string }>('reset statement_timeout')
      .then(async () => await client.query('show statement_timeout'));
    expect(rows).toEqual([{ statement_timeout: '10s' }]);
    await client.end();
  });

  test('run again gives another password', async () => {
    const before = await stored();
    expect(before).toMatch(/^SCRAM-SHA-256/);
    await made('second');
    expect(await stored()).not.toBe(before);
  });
});
