/** `balde lag`: how far behind every processor and relay is. */
import type { Command } from 'commander';
import { readLag } from '../../app/lag.ts';
import { readingCommand } from '../command.ts';
import { lagJson, lagText } from '../render/lag.ts';
import { stopSignal } from '../signals.ts';

const HELP = `
BEHIND counts the messages after a processor's last commit. AGE is how long ago the oldest of them happened. WAITING
counts decided alerts and dead letters that are not on their topic yet.`;

export const lagCommand = (): Command =>
  readingCommand({
    name: 'lag',
    description: 'show how far behind each processor is, by partition, and what waits in the outbox',
    help: HELP,
    read: async ({ storage }) => await readLag(storage, Date.now(), stopSignal()),
    text: lagText,
    json: lagJson,
  });
