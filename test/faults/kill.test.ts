/** Kills, on the embedded log. */
import { EMBEDDED } from './backend.ts';
import { killSuite } from './kills.ts';

killSuite({ backend: () => EMBEDDED, kills: { short: 16, campaign: 220 } });
