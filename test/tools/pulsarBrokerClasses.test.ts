/** The file of the broker's classes: made once, and done without where there is none. Java is pretended. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureClassArchive } from '../../tools/pulsar-broker/classArchive.ts';
import type { ArchiveOptions } from '../../tools/pulsar-broker/classArchive.ts';
import { fakeMachine } from './pulsarBrokerFakes.ts';

const JAVA = `case "$*" in
  -version) echo "openjdk version \\"$VERSION\\"" >&2 ;;
  *jdk.jartool*) [ "$VERSION" != 17.without ] ;;
esac`;

async function machine() {
  const { env, folder } = await fakeMachine({ java: JAVA });
  const starter = join(folder, 'cache', 'starter');
  await mkdir(starter, { recursive: true });
  const trained: string[] = [];
  const options = (version: string, others: Partial<ArchiveOptions> = {}): ArchiveOptions => ({
    env: { ...env, VERSION: version },
    java: 'java',
    classPath: `${starter}:/jars/a.jar`,
    report: () => undefined,
    train: async ({ file }) => {
      trained.push(version);
      await writeFile(file, `classes of ${version}`);
    },
    ...others,
  });
  return { options, trained, folder: dirname(starter) };
}

test('is made once, whoever asks at the same moment, and for each Java of its own', async () => {
  const { options, trained } = await machine();
  const [one, other] = await Promise.all([ensureClassArchive(options('17.1')), ensureClassArchive(options('17.1'))]);
  expect(one).toEqual(other);
  expect(one?.classPath).toMatch(/\/starter\.jar:\/jars\/a\.jar$/);
  expect(await readFile(one?.file ?? '', 'utf8')).toBe('classes of 17.1');
  const newer = await ensureClassArchive(options('17.2'));
  expect(newer?.file).not.toBe(one?.file);
  expect(trained).toEqual(['17.1', '17.2']);
});

test('that can’t be made is done without, and not tried again', async () => {
  const { options, trained } = await machine();
  const train = async (): Promise<void> => await Promise.reject(new Error('the broker ended while it started'));
  expect(await ensureClassArchive(options('17.1', { train }))).toBeNull();
  expect(await ensureClassArchive(options('17.1'))).toBeNull();
  expect(await ensureClassArchive(options('17.without'))).toBeNull();
  expect(trained).toEqual([]);
});

test('without a folder to write into there is none', async () => {
  const { options, folder } = await machine();
  await writeFile(join(folder, 'file'), '');
  expect(await ensureClassArchive(options('17.1', { classPath: join(folder, 'file', 'starter') }))).toBeNull();
});
