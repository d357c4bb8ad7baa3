/** Killed and started again, told to stop: on the embedded log. */
import { EMBEDDED } from './backend.ts';
import { restartSuite } from './restarts.ts';

restartSuite(() => EMBEDDED);
