/** The dashboards as they are shipped. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/packageRoot.ts';
import { read } from '../../tools/dashboards/queries.ts';
import type { DashboardJson } from '../../tools/dashboards/queries.ts';
import type { Published } from './check.ts';

export const GRAFANA = join(packageRoot, 'deploy', 'grafana');
export const FOLDER = join(GRAFANA, 'dashboards');

export const shippedFiles = (): string[] => readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

export const shipped = (): DashboardJson[] =>
  shippedFiles().map((name) => read(readFileSync(join(FOLDER, name), 'utf8')));

/** Ids of one release: units of `getValueFormats` of `@grafana/data`, panels that the SDK has builders for. */
export const published = (): Published & { readonly release: string } =>
  JSON.parse(readFileSync(join(packageRoot, 'test', 'grafana', 'published.json'), 'utf8')) as Published & {
    readonly release: string;
  };
