/** Where settings come from: the environment, files that hold secrets, and the configuration file. */
import { readFileSync } from 'node:fs';
import { settingHint } from './names.ts';
import { describeIssue, isSettingName, participantSchema, scalarSchema, settingsSchema } from './schema.ts';
import type { ParticipantInput, SettingName } from './schema.ts';
import { systemErrorText } from '../systemErrors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Layer = Partial<Record<SettingName, string>>;

/** Told every problem; reading goes on, so that all of them are told at once. */
export type Problems = string[];

export interface ConfigFile {
  readonly settings: Layer;
  readonly participants: readonly ParticipantInput[];
  /** Participants the file lists, the wrong ones included. */
  readonly listed: number;
  /** The file could be read, so what it does not set is not set. */
  readonly readable: boolean;
}

const NO_FILE: ConfigFile = { settings: {}, participants: [], listed: 0, readable: true };
const UNREADABLE: ConfigFile = { ...NO_FILE, readable: false };

/** Contents of a file that a setting names; a problem instead of an exception. */
export function readFile(path: string, setting: string, problems: Problems): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    problems.push(systemErrorText(error, { setting, path }) ?? `${setting} ${path}: ${String(error)}`);
    return null;
  }
}

/** Variables of the environment that are set; an empty one counts as not set. */
export function settingsOfEnvironment(environment: Environment): Layer {
  const layer: Layer = {};
  for (const name of Object.keys(settingsSchema.shape) as SettingName[]) {
    const value = environment[name];
    if (value !== undefined && value !== '') layer[name] = value;
  }
  return layer;
}

/** Addresses with a password in them. */
type SecretName = 'DATABASE_URL' | 'EVENTSTORE_URL';

export interface SecretFile {
  readonly value: string;
  readonly path: string;
}

/** `<name>_FILE` holds the path of a file with the value: how secrets reach a container. `null`: it is not set. */
export function readSecretFile(
  environment: Environment,
  name: SecretName,
  problems: Problems,
): SecretFile | null | 'unreadable' {
  const setting = `${name}_FILE`;
  const path = environment[setting];
  if (path === undefined || path === '') return null;
  if (environment[name]) {
    problems.push(`${name} and ${setting} are both set: keep one`);
    return 'unreadable';
  }
  const held = readFile(path, setting, problems);
  if (held === null) return 'unreadable';
  const value = held.toString('utf8').trim();
  if (value !== '') return { value, path };
  problems.push(`${setting}: ${path} is empty`);
  return 'unreadable';
}

export function readConfigFile(path: string | undefined, problems: Problems): ConfigFile {
  if (path === undefined || path === '') return NO_FILE;
  const content = readFile(path, 'BALDE_CONFIG', problems);
  if (content === null) return UNREADABLE;
  const json = parseJson(path, content.toString('utf8').replace(/^\uFEFF/, ''), problems);
  if (json === undefined) return UNREADABLE;
  if (!isRecord(json)) {
    problems.push(`${path}: must be a JSON object with settings and participants`);
    return UNREADABLE;
  }
  const { settings = {}, participants = [], ...others } = json;
  for (const name of Object.keys(others)) {
    problems.push(`${path}: ${name} is not known: a file has settings and participants`);
  }
  return {
    settings: settingsOfFile(path, settings, problems),
    participants: participantsOfFile(path, participants, problems),
    listed: Array.isArray(participants) ? participants.length : 1,
    readable: true,
  };
}

/** The parser's own message quotes the file, which may hold a password: only the place is told. */
function parseJson(path: string, text: string, problems: Problems): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const at = /at position (\d+)/.exec(String(error))?.[1];
    const line = at === undefined ? '' : ` (line ${text.slice(0, Number(at)).split('\n').length})`;
    problems.push(`${path}: is not valid JSON${line}`);
    return undefined;
  }
}

function settingsOfFile(path: string, settings: unknown, problems: Problems): Layer {
  const layer: Layer = {};
  if (!isRecord(settings)) {
    problems.push(`${path}: settings must be an object`);
    return layer;
  }
  for (const [name, value] of Object.entries(settings)) {
    const parsed = scalarSchema.safeParse(value);
    if (!isSettingName(name)) problems.push(`${path}: settings.${name} is not a setting of Balde${settingHint(name)}`);
    else if (parsed.success) layer[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((i) => `${path}: ${describeIssue(i, `settings.${name}`)}`));
  }
  return layer;
}

function participantsOfFile(path: string, participants: unknown, problems: Problems): ParticipantInput[] {
  if (!Array.isArray(participants)) {
    problems.push(`${path}: participants must be a list`);
    return [];
  }
  return participants.flatMap((entry: unknown, index) => {
    const parsed = participantSchema.safeParse(entry);
    if (parsed.success) return [parsed.data];
    const where = `participants.${index}`;
    problems.push(...parsed.error.issues.map((issue) => `${path}: ${describeIssue(issue, where)}`));
    return [];
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
