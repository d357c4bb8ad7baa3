#!/usr/bin/env node
/** The command line: `balde --help`. */
import { fail } from './fail.ts';
import { createProgram } from './program.ts';

// Whoever reads only the first lines, as head does, is no error, and what was opened is still closed in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const program = await createProgram(process.argv.slice(2));
await program.parseAsync().catch(fail);
// What the Pulsar client leaves behind would keep a process alive that has nothing left to do.
if (process.stdout.writableLength === 0) process.exit();
process.stdout.once('drain', () => process.exit());
