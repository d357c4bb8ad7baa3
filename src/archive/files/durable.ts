/** Files that are there as a whole or not at all, whenever the machine stops. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Ends the names of files that are not whole yet: leftovers of a crash. */
const DRAFT = '.tmp';

/** Names become durable with their folder. Where a folder can't be opened (Windows), the file system sees to it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file by one rename. Durable once it resolves. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = path + DRAFT;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncFolder(dirname(path));
}

export async function removeDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(DRAFT)) await rm(join(folder, name), { force: true });
  }
}
