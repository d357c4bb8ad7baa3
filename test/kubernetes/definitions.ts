/** Kinds of Kubernetes as its own OpenAPI document describes them; a field that is not theirs is an error. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';

/** Where the document is from: file `api/openapi-spec/swagger.json` of the Go module. */
const MODULE = 'k8s.io/kubernetes@v1.37.2';

const FILE = join(dirname(fileURLToPath(import.meta.url)), 'definitions.json');

type Schema = Readonly<Record<string, unknown>>;
type Definitions = Readonly<Record<string, Schema>>;

/** By `apiVersion kind`, as manifests name them. */
const KINDS: Readonly<Record<string, string>> = {
  'v1 ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1 ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
  'apps/v1 Deployment': 'io.k8s.api.apps.v1.Deployment',
  'policy/v1 PodDisruptionBudget': 'io.k8s.api.policy.v1.PodDisruptionBudget',
  'networking.k8s.io/v1 NetworkPolicy': 'io.k8s.api.networking.v1.NetworkPolicy',
};

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What the API server would object to, or nothing. Ranges of values are not in the document. */
export function objections(manifest: Manifest): string[] {
  const kind = KINDS[`${manifest.apiVersion} ${manifest.kind}`];
  if (kind === undefined) return [`${manifest.apiVersion} ${manifest.kind}: no kind that is taken from ${MODULE}`];
  const validate = ajv.getSchema(`kubernetes#/definitions/${kind}`);
  if (validate === undefined) return [`${kind} is not described`];
  if (validate(manifest) === true) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message = '', params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

const read = (): Definitions => JSON.parse(readFileSync(FILE, 'utf8')) as Definitions;
const ajv = new Ajv({ allErrors: true, validateFormats: false, allowUnionTypes: true });
if (existsSync(FILE)) ajv.addSchema({ $id: 'kubernetes', definitions: read() });

/** Writes the definitions of the kinds above, and of all that they refer to, one a line. @param swagger path */
export function extract(swagger: string): void {
  const { definitions } = JSON.parse(readFileSync(swagger, 'utf8')) as { definitions: Definitions };
  const taken = new Map<string, unknown>();
  const wanted = Object.values(KINDS);
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (taken.has(name)) continue;
    taken.set(name, strict(definitions[name] ?? {}));
    const text = JSON.stringify(taken.get(name));
    wanted.push(...[...text.matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, other = '']) => other));
  }
  const lines = [...taken].sort().map(([name, schema]) => `${JSON.stringify(name)}:${JSON.stringify(schema)}`);
  writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`);
}

/** Without prose, and closed. */
function strict(schema: Schema): unknown {
  if (schema['format'] === 'int-or-string') return { type: ['integer', 'string'] };
  const { type, properties, required, items, additionalProperties, $ref } = schema;
  const closed = properties === undefined ? additionalProperties : false;
  return {
    ...{ type, required, $ref },
    ...(items === undefined ? {} : { items: strict(items as Schema) }),
    ...(properties === undefined ? {} : { properties: mapped(properties as Definitions) }),
    ...(closed === undefined ? {} : { additionalProperties: closed === false ? false : strict(closed as Schema) }),
  };
}

const mapped = (properties: Definitions): unknown =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, strict(schema)]));
