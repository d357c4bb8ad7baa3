/** Leaving out what needs Pulsar: on request only, and the run says so. */
import { describe } from 'vitest';

/** `BALDE_TEST_WITHOUT_PULSAR=1`: this machine can't have a broker and its user knows. */
export const isWithoutPulsar: boolean = process.env['BALDE_TEST_WITHOUT_PULSAR'] === '1';

/** `describe` for what needs a Pulsar broker. */
export const describePulsar: typeof describe | typeof describe.skip = isWithoutPulsar ? describe.skip : describe;
