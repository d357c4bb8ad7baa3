/** Dockerfile, docker-compose.yml and .dockerignore as their own parsers read them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import type { Dockerfile, Instruction } from 'dockerfile-ast';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '../../src/packageRoot.ts';

export const readText = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');

const limits = z.object({ cpus: z.string(), memory: z.string() });

/** What the tests read of a service; that all of it is what Compose knows is the linter's to say. */
const service = z.object({
  image: z.string(),
  profiles: z.array(z.string()).default([]),
  build: z.object({ context: z.string() }).optional(),
  pull_policy: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.null()])).default({}),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }).optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.string(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  privileged: z.boolean().optional(),
  deploy: z.object({ replicas: z.number().optional(), resources: z.object({ limits }) }),
});
export type Service = z.infer<typeof service>;

const compose = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

/** `${NAME:-default}` and `${NAME}` with nothing set in the shell: the default, or nothing. */
const interpolate = (text: string): string =>
  text.replace(/\$\{[A-Z_]+(?::-([^}]*))?\}/g, (_, whenUnset: string | undefined) => whenUnset ?? '');

export function readCompose(): z.infer<typeof compose> {
  // After parsing, as Compose does it: what is put in stays text.
  const revive = (_: unknown, value: unknown): unknown => (typeof value === 'string' ? interpolate(value) : value);
  return compose.parse(parse(readText('docker-compose.yml'), revive, { merge: true }));
}

export const readDockerfile = (): Dockerfile => DockerfileParser.parse(readText('Dockerfile'));

/** Arguments of an instruction without its flags. */
export const argumentsOf = (instruction: Instruction): string[] =>
  instruction.getArguments().map((argument) => argument.getValue());

export interface Stage {
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** The stages in their order, each with its instructions after FROM. */
export function stagesOf(dockerfile: Dockerfile): Stage[] {
  const stages: { name: string; instructions: Instruction[] }[] = [];
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM')
      stages.push({ name: argumentsOf(instruction).at(-1) ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}
