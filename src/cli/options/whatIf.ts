/** The options of `balde what-if`. */
import { InvalidArgumentError } from 'commander';
import type { Category } from '../../domain/catalog.ts';
import { hasFewDecimals, MAX_DECIMALS } from '../../domain/percent.ts';
import type { EpochMs } from '../../domain/events.ts';
import type { CommonOptions } from '../common.ts';

export interface RuleOptions {
  readonly warning?: number | undefined;
  readonly critical?: number | undefined;
  readonly resolveMargin?: number | undefined;
  readonly forObservations?: number | undefined;
}

export interface WhatIfOptions extends CommonOptions, RuleOptions {
  readonly againstWarning?: number;
  readonly againstCritical?: number;
  readonly againstResolveMargin?: number;
  readonly againstForObservations?: number;
  readonly category?: Category;
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly participant?: string;
  readonly policy?: string;
  readonly csv?: boolean;
  readonly svg?: string;
}

/** Options that speak of rules, by the name of their flag. */
export const RULE_FLAGS = [
  ['warning', '--warning'],
  ['critical', '--critical'],
  ['resolveMargin', '--resolve-margin'],
  ['forObservations', '--for-observations'],
  ['againstWarning', '--against-warning'],
  ['againstCritical', '--against-critical'],
  ['againstResolveMargin', '--against-resolve-margin'],
  ['againstForObservations', '--against-for-observations'],
] as const satisfies readonly (readonly [keyof WhatIfOptions, string])[];

/** A share of the capacity, percent, or points of it. */
export function parseShare(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text.trim()) || value > 100) {
    throw new InvalidArgumentError('a number from 0 to 100 is needed.');
  }
  if (!hasFewDecimals(text)) throw new InvalidArgumentError(`at most ${MAX_DECIMALS} decimals are carried.`);
  return value;
}
