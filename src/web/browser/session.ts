/** A session that ends while a page is open: the page leads to the form for another one, which leads back. */
import { withQuery } from '../addresses.ts';

const NOT_SIGNED_IN = 401;
/** Costs nothing to be asked for. */
const PROBE = '/api/v1/openapi.json';

/** @returns whether it leads away */
export function isOver({ status }: Response): boolean {
  if (status !== NOT_SIGNED_IN) return false;
  const { pathname, search } = window.location;
  window.location.assign(withQuery('/login', { next: `${pathname}${search}` }));
  return true;
}

/** What has no status of its own, as a stream, asks by this. A server that does not answer ends no session. */
export async function askWhetherOver(): Promise<boolean> {
  try {
    return isOver(await fetch(PROBE, { method: 'HEAD', headers: { accept: 'application/json' } }));
  } catch {
    return false;
  }
}
