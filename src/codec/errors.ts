/** A message that can't become an event: it goes to the dead-letter topic with this reason, and blocks nothing. */
export class PoisonMessageError extends Error {
  override readonly name = 'PoisonMessageError';
}
