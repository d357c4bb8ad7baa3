/** The addresses of pages, and what stands in them. */
import type { BucketName, Health } from '../api/answers.ts';

export const LEVELS = ['CRITICAL', 'WARNING', 'STALE', 'OK'] as const satisfies readonly Health[];

/** What the overview shows of all buckets. Empty: everything. */
export interface BucketFilter {
  readonly participant: string;
  readonly policy: string;
  readonly level: Health | '';
  /** Parts of names, in any order and case. */
  readonly q: string;
}

export const NO_FILTER: BucketFilter = { participant: '', policy: '', level: '', q: '' };

export const filterOf = (query: URLSearchParams): BucketFilter => ({
  participant: query.get('participant') ?? '',
  policy: query.get('policy') ?? '',
  level: LEVELS.find((level) => level === query.get('level')) ?? '',
  q: query.get('q') ?? '',
});

export const isFiltered = (filter: BucketFilter): boolean => Object.values(filter).some((value) => value !== '');

/** Without what is empty. @param at ISO; `null`: now */
export function withQuery(path: string, values: Readonly<Record<string, string | null | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== '' && value !== null && value !== undefined) query.set(name, value);
  return query.size === 0 ? path : `${path}?${query}`;
}

export const overviewAddress = (filter: BucketFilter, at: string | null): string => withQuery('/', { ...filter, at });

export const bucketPath = ({ participant, endpoint_id }: BucketName): string =>
  `/buckets/${encodeURIComponent(participant)}/${encodeURIComponent(endpoint_id)}`;

export const bucketAddress = (name: BucketName, values: Readonly<Record<string, string | null>>): string =>
  withQuery(bucketPath(name), values);

export const alertAddress = (id: string): string => `/alerts/${encodeURIComponent(id)}`;

/** The same address with other values of its query; `null` takes one out. */
export function changed(address: string, values: Readonly<Record<string, string | null>>): string {
  const [path = '/', query = ''] = address.split('?');
  return withQuery(path, { ...Object.fromEntries(new URLSearchParams(query)), ...values });
}
