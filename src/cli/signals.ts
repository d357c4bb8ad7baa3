/** The signals that ask a command to stop. */

/**
 * Aborts on the first Ctrl-C, SIGTERM, or SIGHUP of a terminal that was closed; a second Ctrl-C or SIGTERM ends the process
 * at once. A hang-up may come several times, from the kernel and from the shell, and asks for no more haste.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let asked = 0;
  const stop = (): void => controller.abort(new Error('stopped'));
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
