/** The embedded server can't be used, and waiting does not help: what to do is in the message. */
import { OperatorError } from '../errors.ts';
export class EmbeddedPostgresError extends OperatorError {
  override readonly name = 'EmbeddedPostgresError';
}
