/** What every answer tells a browser to refuse. */

const PAGE_POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
].join('; ');

/** What is no page loads nothing, wherever it is opened. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/**
 * No `strict-transport-security`: it holds for every port of the host, whose other services may speak plain HTTP. A
 * reverse proxy that owns the name can set it.
 */
const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;

const isPage = (type: string): boolean => type.startsWith('text/html');

/** @param type the header content-type of the answer */
export const securityHeaders = (type: string): Readonly<Record<string, string>> => ({
  ...ALWAYS,
  'content-security-policy': isPage(type) ? PAGE_POLICY : DATA_POLICY,
});
