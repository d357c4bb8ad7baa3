/** How errors end the process. */
import { inspect } from 'node:util';
import { hintFor } from '../advice.ts';
import { OperatorError } from '../errors.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { systemErrorText, systemProblem } from '../systemErrors.ts';
import { tellLine } from './print.ts';
import { isStop } from './signals.ts';

/** What a shell says of a command that Ctrl-C ended. */
export const STOPPED_EXIT_CODE = 130;

/** Ends the process with the message a person can act on; a stack trace only for what is a bug. */
export function fail(error: unknown): void {
  process.exitCode = isStop(error) ? STOPPED_EXIT_CODE : 1;
  tellLine(`balde: ${farewell(error)}`);
}

function farewell(error: unknown): string {
  if (isStop(error)) return 'stopped before it was done';
  if (error instanceof DatabaseUnavailableError) return `the database can't be used: ${error.message}${hintFor(error)}`;
  if (error instanceof OperatorError) return `${error.message}${hintFor(error)}`;
  if (systemProblem(error) !== null) return systemErrorText(error) ?? '';
  if (error instanceof Error && 'code' in error) return `${error.message}${hintFor(error)}`;
  return `this is a defect: ${inspect(error)}`;
}
