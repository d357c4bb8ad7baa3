/**
 * Ends with 0 when an address answers within three seconds, else with 1 and the reason on standard error.
 * `node healthcheck.cjs [http[s]://host:port/path | tcp://host:port]`; without an argument, this container's
 * /healthz.
 */
'use strict';
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');

const PATIENCE_MS = 3_000;
const isTls = Boolean(process.env.HTTP_TLS_CERT_FILE);
const own = `${isTls ? 'https' : 'http'}://127.0.0.1:${process.env.HTTP_PORT || '9464'}/healthz`;
const url = new URL(process.argv[2] ?? own);

function end(problem) {
  if (problem !== null) process.stderr.write(`${url.href}: ${problem}\n`);
  process.exit(problem === null ? 0 : 1);
}

setTimeout(() => end(`no answer within ${PATIENCE_MS / 1_000} s`), PATIENCE_MS);

if (url.protocol === 'tcp:') {
  net.connect(Number(url.port), url.hostname, () => end(null)).on('error', (error) => end(error.message));
} else {
  // Its own certificate is no business of the check: it is asked at an address that no certificate has.
  (url.protocol === 'https:' ? https : http)
    .get(url, { rejectUnauthorized: false }, (response) =>
      end(response.statusCode === 200 ? null : `status ${response.statusCode}`),
    )
    .on('error', (error) => end(error.message));
}
