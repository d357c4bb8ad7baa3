/** Where tests keep what they fetched or built, outside the project: once for all checkouts. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$BALDE_CACHE_DIR`, else `$XDG_CACHE_HOME/balde`, else `~/.cache/balde`; in it `name`. */
export function cacheFolder(name: string): string {
  const { BALDE_CACHE_DIR: given, XDG_CACHE_HOME: xdg } = process.env;
  if (given !== undefined && given !== '') return join(given, name);
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.cache'), 'balde', name);
}
