/** Parsers of option values. */
import { InvalidArgumentError } from 'commander';
import { wholeNumber } from '../../domain/texts.ts';
import { ROLES } from '../../config/roles.ts';
import type { Role } from '../../config/roles.ts';

/** How `start --simulate` is set, where nothing else is said. */
export const SIMULATED_DEFAULTS = { POLL_INTERVAL: '10s', STALE_AFTER: '1m', LOG_LEVEL: 'warn' } as const;

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
