/** A Bridge that is away for hours, on the embedded log. */
import { EMBEDDED } from './backend.ts';
import { outageSuite } from './outages.ts';

outageSuite(() => EMBEDDED);
