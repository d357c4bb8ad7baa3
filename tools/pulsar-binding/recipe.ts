/** What is built and how: the versions that belong together, the compiler's options and the key of the cache. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/packageRoot.ts';
import type { Machine } from './platform.ts';

/** The npm package whose addon is made loadable; the headers here are written for this version only. */
export const addonPackage = 'pulsar-client';
export const addonVersion = '1.18.0';
/** The C++ library that this version of the addon is made for. */
const libpulsarVersion = '4.2.0';
/** The Python wheel that carries that library. pip takes the wheel of this Python, whichever Python runs pip. */
export const wheel = { requirement: 'pulsar-client==3.13.0', python: '3.11', abi: 'cp311' } as const;
/** Node-API headers for a Node that was installed without its own. */
export const nodeHeadersPackage = 'node-api-headers@1.9.0';

/** This folder's headers, which stand in for the library's own. */
export const includeFolder: string = join(packageRoot, 'tools', 'pulsar-binding', 'include');

/** Like the package's own binding.gyp. Node-API is stable: the result serves every Node from version 20 on. */
export const compilerOptions: readonly string[] = [
  '-std=gnu++17',
  '-O2',
  '-fPIC',
  '-fvisibility=hidden',
  '-pthread',
  '-DNAPI_VERSION=4',
  '-DNODE_GYP_MODULE_NAME=pulsar',
  '-DBUILDING_NODE_EXTENSION',
];

/** `$ORIGIN`: the library is looked for beside the addon. */
export const linkerOptions: readonly string[] = ['-shared', '-pthread', '-Wl,-rpath,$ORIGIN'];

/** Raise when the steps of the build change in a way that none of the values above shows. */
const recipeVersion = 1;

function hashOfRecipe(headers: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(headers).sort()) {
    hash.update(`${name}\n`).update(readFileSync(join(headers, name)));
  }
  hash.update(JSON.stringify([recipeVersion, wheel, compilerOptions, linkerOptions]));
  return hash.digest('hex').slice(0, 16);
}

/** Name of the cache entry for `machine`: every part that decides whether a stored addon fits. */
export function cacheKey(machine: Machine, headers: string = includeFolder): string {
  const { platform, arch, libc } = machine;
  return [
    `${addonPackage}-${addonVersion}`,
    `libpulsar-${libpulsarVersion}`,
    `${platform}-${arch}-${libc}`,
    hashOfRecipe(headers),
  ].join('_');
}

const includeLine = /#\s*include\s*[<"](pulsar\/[^>"]+)[>"]/g;

/**
 * The library's header names that the addon's sources include (`pulsar/Client.h`, ...), sorted, each once.
 * They are read from the sources in `folder`, so that no list has to follow the package.
 */
export function includedHeaders(folder: string): string[] {
  const names = new Set<string>();
  for (const file of readdirSync(folder)) {
    if (!/\.(cc|h)$/.test(file)) continue;
    for (const [, name] of readFileSync(join(folder, file), 'utf8').matchAll(includeLine)) {
      if (name !== undefined) names.add(name);
    }
  }
  return [...names].sort();
}

/** Content of the file that stands under one of those names: it hands over to this folder's header. */
export function forwardingHeader(name: string): string {
  return `#include "${name.startsWith('pulsar/c/') ? 'libpulsar_c.h' : 'libpulsar.h'}"\n`;
}
