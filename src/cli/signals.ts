/** The signals that ask a command to stop. */

/** Why the work of a command ended: somebody asked for it. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Whether work ended with this since it was asked to; Node's own waits reject with an error of theirs about it. */
export const isStop = (error: unknown): boolean =>
  error instanceof StoppedError || (error instanceof Error && error.cause instanceof StoppedError);

/**
 * Aborts on the first Ctrl-C, SIGTERM, or SIGHUP of a terminal that was closed; a second Ctrl-C or SIGTERM ends the
 * process at once. A hang-up may come several times, from the kernel and from the shell, and asks for no more haste.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let asked = 0;
  const stop = (): void => controller.abort(new StoppedError('stopped'));
  const stopOrEnd = (): void => {
    asked += 1;
    if (asked > 1) process.exit(130);
    stop();
  };
  process.on('SIGINT', stopOrEnd);
  process.on('SIGTERM', stopOrEnd);
  process.on('SIGHUP', stop);
  return controller.signal;
}
