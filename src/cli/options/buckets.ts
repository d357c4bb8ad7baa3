/** The options of commands that ask about buckets. */
import { Option } from 'commander';

export const participantOption = (): Option => new Option('--participant <ispb>', 'this participant only');

export const policyOption = (): Option => new Option('--policy <name>', 'this policy only');
