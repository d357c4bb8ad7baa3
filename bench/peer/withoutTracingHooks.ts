/** Where modules come from: that of traces is `untraced.js`. https://nodejs.org/api/module.html#customization-hooks */
import type { ResolveHook } from 'node:module';

const PEER = new URL('./untraced.js', import.meta.url).href;

export const resolve: ResolveHook = async (specifier, context, next) => {
  const found = await next(specifier, context);
  return found.url.endsWith('/src/tracing.js') ? { ...found, url: PEER } : found;
};
