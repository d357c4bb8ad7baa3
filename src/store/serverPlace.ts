/**
 * Where the embedded server's data lies: in the folder that is named, or, if the user that runs the server can't get
 * there, in one of its own, to which a note in the named folder points.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './serverError.ts';
import { assertOwnFolder, ownUsers } from './ownFolder.ts';
import { obstacleOnTheWay } from './serverUser.ts';
import type { ServerUser } from './serverUser.ts';

/** Root's own, for data that can't lie where it was wanted. */
const ELSEWHERE = '/var/lib/balde';
const NOTE = 'elsewhere';

/**
 * The folder that holds `data`, `password` and the server's log. Only a note that root or this user wrote is believed.
 */
export function placeOf(directory: string): string {
  const note = join(directory, NOTE);
  const found = existsSync(note) ? lstatSync(note) : null;
  if (found === null) return directory;
  const place = found.isFile() && ownUsers().has(found.uid) ? readFileSync(note, 'utf8').trim() : '';
  if (!/^\/var\/lib\/balde\/[0-9a-f]{16}$/.test(place))
    throw new EmbeddedPostgresError(`${note} does not say where the data is. Give another folder, or remove it.`);
  return place;
}

export const holdsData = (place: string): boolean => existsSync(join(place, 'data', 'PG_VERSION'));

/** Finds the place of the data, or decides on one. */
export async function choosePlace(directory: string, user: ServerUser | null): Promise<string> {
  const known = placeOf(directory);
  if (user === null || known !== directory) return known;
  const problem = await obstacleOnTheWay(directory, user);
  if (problem === null) return directory;
  if (holdsData(directory))
    throw new EmbeddedPostgresError(
      `${closed(directory, problem, user)}, and its data is there already. Run chmod o+x ${problem}, or stop every Balde and move ${dirname(directory)} to a folder that every user can pass.`,
    );
  return await goElsewhere(directory, problem, user);
}

const closed = (directory: string, problem: string, { name }: ServerUser): string =>
  `user ${name}, who runs the embedded Postgres because Postgres refuses to be root, can't reach ${directory}: ${problem} is closed to that user`;

/** Several processes may start at once: all of them use the note that was there first. */
async function goElsewhere(directory: string, problem: string, user: ServerUser): Promise<string> {
  const place = join(ELSEWHERE, randomBytes(8).toString('hex'));
  const draft = join(directory, `${NOTE}-${randomUUID()}`);
  try {
    assertOwnFolder(place, ownUsers());
    await mkdir(ELSEWHERE, { recursive: true, mode: 0o755 });
    const still = await obstacleOnTheWay(place, user);
    if (still !== null) throw new Error(`${still} is closed to that user too`);
    await mkdir(directory, { recursive: true });
    await writeFile(draft, `${place}\n`, { flag: 'wx' });
    await link(draft, join(directory, NOTE)).catch((error: unknown) => {
      if (!existsSync(join(directory, NOTE))) throw error;
    });
    return placeOf(directory);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `${closed(directory, problem, user)}; and its data can't lie in ${ELSEWHERE} (${(cause as Error).message}). Give a folder that every user can pass with --data-dir or DATA_DIR, start Balde as an ordinary user, or set DATABASE_URL.`,
      { cause },
    );
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes the data with its folder, wherever it lies. The server is stopped. */
export async function removeData(directory: string): Promise<void> {
  const place = placeOf(directory);
  await rm(directory, { recursive: true, force: true });
  if (place !== directory) await rm(place, { recursive: true, force: true });
}
