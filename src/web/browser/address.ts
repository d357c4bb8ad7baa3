/** The address bar. */

/** The address becomes this one without a load; what is shown has changed already. */
export const replaceAddress = (address: string): void => window.history.replaceState(null, '', address);
