/** One real Postgres for the whole run, in a folder of its own that goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { makeTemplate } from './template.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'balde-test-'));
  // What a crash must survive has servers of its own; here durability only costs time.
  const server = await startEmbeddedPostgres({
    directory,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' },
  });
  await cheapLogins(server.url);
  await makeTemplate(server.url);
  project.provide('postgresUrl', server.url);
  return async () => {
    await server.stop({ force: true });
    await rm(directory, { recursive: true, force: true });
  };
}

/** A run logs in thousands of times, and hashing a password is a third of what that costs. */
async function cheapLogins(url: string): Promise<void> {
  const { username, password } = new URL(url);
  const database = openDatabase({ url, poolSize: 1, settings: { scram_iterations: '1' } });
  await database.execute(`alter role ${username} password '${password}'`);
  await database.close();
}
