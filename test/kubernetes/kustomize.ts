/**
 * What `kubectl kustomize` makes of a folder, as far as Balde's manifests use it: any other field of a kustomization is
 * an error. Names of generated config maps have no hash here.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

const metadata = z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).optional() });
/** A manifest, of which other fields are whatever they are. */
const resource = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata });
export type Resource = z.infer<typeof resource>;

const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  resources: z.array(z.string()),
  nameSuffix: z.string().default(''),
  labels: z
    .array(z.strictObject({ pairs: z.record(z.string(), z.string()), includeSelectors: z.literal(true) }))
    .default([]),
  patches: z.array(z.strictObject({ target: z.strictObject({ kind: z.string() }), patch: z.string() })).default([]),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).default([]),
  configMapGenerator: z.array(z.strictObject({ name: z.string(), envs: z.array(z.string()) })).default([]),
});

const operation = z.strictObject({ op: z.enum(['add', 'replace']), path: z.string(), value: z.unknown() });

const LABELLED = ['labels', 'matchLabels'];

/** @param folder absolute */
export function kustomize(folder: string): Resource[] {
  const read = kustomization.parse(parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')));
  const resources = read.resources.flatMap((name) => resourcesAt(join(folder, name)));
  for (const one of resources) one.metadata.name += read.nameSuffix;
  for (const { target, patch } of read.patches)
    for (const one of resources.filter(({ kind }) => kind === target.kind))
      for (const step of z.array(operation).parse(parse(patch))) apply(one, step);
  for (const { pairs } of read.labels) for (const one of resources) addLabels(one, pairs);
  resources.push(...read.configMapGenerator.map(({ name, envs }) => configMap(folder, name, envs)));
  for (const { name, newName, newTag } of read.images)
    for (const container of resources.flatMap(containersOf))
      if (container['image'] === name) container['image'] = `${newName}:${newTag}`;
  return resources;
}

const resourcesAt = (path: string): Resource[] =>
  statSync(path).isDirectory()
    ? kustomize(path)
    : // Through JSON: what an anchor shares is changed in one place alone.
      parseAllDocuments(readFileSync(path, 'utf8')).map((document) =>
        resource.parse(JSON.parse(JSON.stringify(document.toJS()))),
      );

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields => value as Fields;

/** A step of RFC 6902. */
function apply(target: Resource, { op, path, value }: z.infer<typeof operation>): void {
  const names = path.split('/').slice(1);
  const last = names.pop() ?? '';
  const parent = names.reduce<unknown>((at, name) => fieldsOf(at)[name], target);
  if (Array.isArray(parent) && last === '-') parent.push(value);
  else if (op === 'add' || last in fieldsOf(parent)) fieldsOf(parent)[last] = value;
  else throw new Error(`${path}: there is nothing to replace`);
}

/** To what carries labels and to what selects by them, the pods of a template among them. */
function addLabels(one: unknown, pairs: Readonly<Record<string, string>>): void {
  if (typeof one !== 'object' || one === null) return;
  for (const [name, value] of Object.entries(one as Fields)) {
    if (LABELLED.includes(name)) Object.assign(fieldsOf(value), pairs);
    else addLabels(value, pairs);
  }
}

/** Lines of `NAME=value`; those of a comment and empty ones are passed over. */
function configMap(folder: string, name: string, envs: readonly string[]): Resource {
  const lines = envs.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
  const data = lines
    .filter((line) => /^[^#\s]/.test(line))
    .map((line) => [line.split('=')[0], /=(.*)/.exec(line)?.[1]]);
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: Object.fromEntries(data) as unknown };
}

function containersOf(one: Resource): Fields[] {
  const pod = fieldsOf(fieldsOf(fieldsOf(one['spec'] ?? {})['template'] ?? {})['spec'] ?? {});
  return [...((pod['initContainers'] ?? []) as Fields[]), ...((pod['containers'] ?? []) as Fields[])];
}
