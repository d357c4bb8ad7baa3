/** Errors of rebuilds. */
import { OperatorError } from '../errors.ts';

/** A rebuild that can't begin or go on; the message says what to do. */
export class RebuildError extends OperatorError {
  override readonly name: string = 'RebuildError';
}
