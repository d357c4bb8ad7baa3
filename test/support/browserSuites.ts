/** Leaving out what needs a browser: on request only, and the run says so. */
import { describe } from 'vitest';

/** `BALDE_TEST_WITHOUT_BROWSER=1`: this machine can't have it and its user knows. */
export const isWithoutBrowser: boolean = process.env['BALDE_TEST_WITHOUT_BROWSER'] === '1';

/** `describe` for what needs a browser. */
export const describeBrowser: typeof describe | typeof describe.skip = isWithoutBrowser ? describe.skip : describe;
