/** The embedded server can't be used, and waiting does not help: what to do is in the message. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
