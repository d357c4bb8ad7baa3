/** `node --import …/withoutTracing.js`: `src/tracing.js` is `untraced.js` in this process. */
import { register } from 'node:module';

register('./withoutTracingHooks.js', import.meta.url);
