/** Parsers of option values, and options that many commands have. */
import { InvalidArgumentError, Option } from 'commander';
import { wholeNumber } from '../../domain/texts.ts';
import { ROLES } from '../../config/roles.ts';
import type { Role } from '../../config/roles.ts';

export function parseRoles(text: string): Role[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(ROLES as readonly string[]).includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`unknown: ${unknown.join(', ')}. Roles: ${ROLES.join(', ')}.`);
  return names as Role[];
}

export const parseWhole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = wholeNumber(text.trim());
    if (value === null || value < least || value > most) {
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
    }
    return value;
  };

export const limitOption = (most = 1_000_000): Option =>
  new Option('--limit <n>', 'at most this many, the newest').argParser(parseWhole(1, most));

export const seedOption = (): Option =>
  new Option('--seed <n>', 'seed of the simulated traffic').default(1).argParser(parseWhole(0, 2 ** 31));

/** The same option, mandatory. */
export function required(option: Option): Option {
  option.description += ' (required)';
  return option.makeOptionMandatory();
}

/** As {@link oneOf}, of choices in upper case. */
export const oneOfAnyCase =
  <T extends string>(choices: readonly T[]) =>
  (text: string): T =>
    oneOf(choices)(text.trim().toUpperCase());

export const oneOf =
  <T extends string>(choices: readonly T[]) =>
  (text: string): T => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new InvalidArgumentError(`choose one of ${choices.join(', ')}.`);
    return found;
  };
