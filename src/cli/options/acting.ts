/** Options of commands that change something. */
import { Option } from 'commander';

export const yesOption = (): Option =>
  new Option('--yes', 'confirm (without it, what would be done is told, and nothing is done)');

export const dryRunOption = (): Option => new Option('--dry-run', 'show what would be done, and do nothing');
