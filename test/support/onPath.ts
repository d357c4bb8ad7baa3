/** Programs of this machine. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The folders of the PATH. */
export const PATH_FOLDERS: readonly string[] = (process.env['PATH'] ?? '').split(delimiter);

/** The path of the program; `null` where none of the folders has it. */
export const programIn = (folders: readonly string[], name: string): string | null =>
  folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
