/** Options and arguments that name processors and what they keep. */
import { Argument, Option } from 'commander';
import { FOLDS, READ_MODELS } from '../../topology/folds.ts';
import { parseWhole } from './parsers.ts';

const NAMES = FOLDS.map(({ name }) => name);

export const processorOption = (): Option => new Option('--processor <name>', 'this processor only').choices(NAMES);

/** The name that `--processor` had. */
export const foldOption = (): Option => new Option('--fold <name>').choices(NAMES).hideHelp();

const MAX_VERSION = 2 ** 31 - 1;
export const parseVersion = parseWhole(1, MAX_VERSION);

export const readModelArgument = (flags = '<what>'): Argument =>
  new Argument(flags, READ_MODELS.join(' or ')).choices(READ_MODELS);

export const versionArgument = (): Argument => new Argument('<version>', 'its number').argParser(parseVersion);
