/** Paused and overtaken, on the embedded log. */
import { EMBEDDED } from './backend.ts';
import { zombieSuite } from './zombies.ts';

zombieSuite(() => EMBEDDED);
