/** What a request asks for, in one reading that everything decides by: who may have it, and who answers it. */

/** Of no meaning: a path alone is no URL. */
const BASE = 'http://balde.invalid';

/** A slash that is none until somebody decodes it, and what no name of ours has. */
const TRICK = /%2f|%5c|%[01][0-9a-f]|%7f|\/\//i;

/**
 * @param target of the request's first line: a path with its query, or a whole address, as proxies send it
 * @returns `null`: it is malformed, or a trick to be read in two ways
 */
export function targetOf(target: string): URL | null {
  const address = target.startsWith('/') ? `${BASE}${target}` : target;
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return null;
  const url = new URL(address);
  return TRICK.test(url.pathname) || !isDecodable(url.pathname) ? null : url;
}

/** Where to go on: a path of this server, whatever was asked for. */
export function ownPath(next: string | null): string {
  const url = next?.startsWith('/') === true ? targetOf(next) : null;
  return url === null ? '/' : `${url.pathname}${url.search}`;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
