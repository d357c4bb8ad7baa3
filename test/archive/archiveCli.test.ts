import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { loadConfig } from '../../src/config/config.ts';
import { openArchiveSource } from '../../src/app/archives.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { EventStoreDouble } from './eventStoreDouble.ts';
import { fill, inOrder, logMessages, newFolder, poll, readSource, TOPICS } from './given.ts';

const STATES = POLICY_STATES.name;
const START = Date.UTC(2026, 0, 2);

interface StatusJson {
  readonly partitions: readonly {
    readonly target: string;
    readonly topic: string;
    readonly partition: number;
    readonly last: string | null;
    readonly events: number;
    readonly behind: number;
    readonly files: readonly string[];
  }[];
}

interface VerifyJson {
  readonly intact: boolean;
  readonly archives: readonly {
    readonly topic: string;
    readonly events: number | null;
    readonly damage: string | null;
  }[];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

describe('balde archive [ARC-7]', async () => {
  const { log, url } = await baldeDatabase();
  const folder = await newFolder();
  const server = await new EventStoreDouble().start();
  afterAll(() => server.stop());
  const environment = { DATABASE_URL: url, ARCHIVE_DIR: folder, EVENTSTORE_URL: server.url };
  beforeAll(async () => await fill(log, START, 12));

  test('run --until-end archives into both, status and verify tell of it', async () => {
    const before = jsonOf<StatusJson>(await balde(['archive', 'status', '--json'], environment));
    const total = sum(before.partitions.map(({ behind }) => behind)) / 2;
    expect(before.partitions).toHaveLength(24);
    expect(total).toBeGreaterThan(160);
    const ran = await balde(['archive', 'run', '--until-end'], environment);
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).toBe(`archived ${2 * total} messages: everything up to the end of the event log\n`);
    expect((await balde(['archive', 'run', '--until-end'], environment)).stdout).toMatch(/^archived 0 messages/);

    await publish(log, poll(START + 90 * 86_400_000));
    const after = jsonOf<StatusJson>(await balde(['archive', 'status', '--json'], environment));
    expect(sum(after.partitions.map(({ events }) => events))).toBe(2 * total);
    expect(sum(after.partitions.map(({ behind }) => behind))).toBe(24);
    const { stdout } = await balde(['archive', 'status'], environment);
    expect(stdout).toMatch(/^ARCHIVE +TOPIC +PARTITION +EVENTS +BEHIND +BYTES +LAST POSITION +MONTHS$/m);
    expect(stdout).toMatch(
      /^files +policy-states +0 +\d+ +\d+ +[\d,]+ +\d{16} +2026-01 to 2026-02 \(open\), 2 files$/m,
    );
    expect(stdout).toMatch(/^eventstore +rate-limit-alerts +\d +\d+ +0 +- +\d{16} +-$/m);

    const verified = await balde(['archive', 'verify', '--json'], environment);
    expect(verified.code).toBe(0);
    const { intact, archives } = jsonOf<VerifyJson>(verified);
    expect(intact).toBe(true);
    expect(sum(archives.map(({ events }) => events ?? 0))).toBe(2 * total);
  });

  test('sources are opened by what is configured', async () => {
    await balde(['archive', 'run', '--until-end'], environment);
    const config = loadConfig(environment, { withoutParticipants: true });
    for (const name of ['files', 'eventstore'] as const) {
      const source = await openArchiveSource(name, config);
      for (const topic of TOPICS)
        expect(inOrder(await readSource(source, topic))).toEqual(await logMessages(log, topic));
      await source.close();
    }
    const none = loadConfig({}, { withoutParticipants: true });
    await expect(openArchiveSource('eventstore', none)).rejects.toThrow(/EVENTSTORE_URL is not set/);
  });

  test('verify names the first damage, and ends with 1', async () => {
    const name = join(folder, STATES, '0', '2026-01.avro');
    const bytes = await readFile(name);
    const broken = Buffer.from(bytes);
    broken[900] = (broken[900] ?? 0) ^ 1;
    await writeFile(name, broken);
    const { code, stdout } = await balde(['archive', 'verify'], environment);
    await writeFile(name, bytes);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^files {2}policy-states {2}DAMAGED: .*2026-01\.avro, byte 0, after record 0: the \d+ bytes/m,
    );
    expect(stdout).toMatch(/^files {2}rate-limit-alerts {2}intact: \d+ messages$/m);
  });

  test('without an archive every command says what to set', async () => {
    for (const command of ['status', 'verify', 'run']) {
      const { code, stderr } = await balde(['archive', command], { DATABASE_URL: url });
      expect([code, stderr]).toEqual([1, expect.stringMatching(/no archive is configured: set ARCHIVE_DIR/)]);
    }
  });

  test('an address with a password is never repeated', async () => {
    for (const wrong of ['esdb://me:secret@', 'http://me:secret@host', 'esdb://me:secret@host:port?tls=false']) {
      const { code, stderr, stdout } = await balde(['archive', 'verify'], { EVENTSTORE_URL: wrong });
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/EVENTSTORE_URL/);
      expect(stderr).not.toContain('secret');
    }
    const away = await balde(['archive', 'status'], {
      DATABASE_URL: url,
      EVENTSTORE_URL: 'esdb://me:secret@127.0.0.1:1?tls=false',
    });
    expect([away.code, away.stderr]).toEqual([
      1,
      expect.stringMatching(/EventStoreDB at 127\.0\.0\.1:1 can't be used/),
    ]);
    expect(away.stderr).not.toContain('secret');
  });
});

describe('balde start with role archive [ARC-7]', async () => {
  const { log, url } = await baldeDatabase();
  const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
  const start = (roles: readonly string[], environment: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, [program, 'start', ...roles], {
      env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: url, HTTP_PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, ended, stderr: text(child.stderr), stdout: child.stdout };
  };

  test('asked for by name and nowhere to archive: it says so and ends with 1', async () => {
    const { ended, stderr, stdout } = start(['--roles', 'archive'], {});
    stdout.resume();
    expect(await ended).toBe(1);
    expect(await stderr).toMatch(/no archive is configured: set ARCHIVE_DIR/);
  });

  test('archives while it runs, counts it, drains at SIGTERM; a second one is refused', async () => {
    const folder = await newFolder();
    await publish(log, poll(START));
    const environment = { ARCHIVE_DIR: folder };
    const { child, ended, stderr, stdout } = start(['--roles', 'archive,http'], environment);
    let said = '';
    stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    try {
      const metrics = await eventually('metrics are served', async () =>
        Promise.resolve(/metrics +(http\S+)/.exec(said)?.[1]),
      );
      await eventually('it is archived and counted', async () =>
        (await (await fetch(metrics)).text()).includes(
          'balde_archived_events_total{target="files",topic="policy-states"} 12',
        ),
      );
      // With other roles the process stands by: those go on.
      const standby = start(['--roles', 'archive,http'], { ...environment, LOG_LEVEL: 'info' });
      let told = '';
      standby.child.stderr.on('data', (bytes: Buffer) => (told += bytes.toString()));
      standby.stdout.resume();
      await eventually('it stands by', async () => Promise.resolve(told.includes('archive: standing by')));
      const second = start(['--roles', 'archive'], environment);
      second.stdout.resume();
      expect(await second.ended).toBe(1);
      expect(await second.stderr).toMatch(new RegExp(`process ${child.pid} on .* archives into`));
      child.kill('SIGTERM');
      await eventually('it takes over', async () => Promise.resolve(told.includes('archive: taken over')));
      standby.child.kill('SIGTERM');
      expect(await standby.ended).toBe(0);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toBe(0);
    expect(await stderr).toBe('');
  });
});
