/** A demonstration's own folder: only such a folder is replaced by the next one. */
import { constants, existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const DEMO_MARKER = 'demo.json';

interface Marker {
  /** When something else than a demonstration began to add to the folder. */
  readonly continued?: string;
}

const read = (folder: string): Marker => {
  try {
    return JSON.parse(readFileSync(join(folder, DEMO_MARKER), 'utf8')) as Marker;
  } catch {
    return {};
  }
};

export const continuedSince = (folder: string): string | null => read(folder).continued ?? null;

/** Called before anything is added to what a demonstration left in the folder. */
export async function markContinued(folder: string, now: Date): Promise<void> {
  const file = join(folder, DEMO_MARKER);
  if (!existsSync(file) || continuedSince(folder) !== null) return;
  const text = `${JSON.stringify({ ...read(folder), continued: now.toISOString() })}\n`;
  await writeFile(file, text, { flag: constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW });
}
