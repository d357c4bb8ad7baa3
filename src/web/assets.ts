/** What pages load: each file under a name that changes with its content, so that browsers may keep it for good. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../serve/answer.ts';
import { packageRoot } from '../packageRoot.ts';

interface Asset {
  readonly path: string;
  readonly answer: Answer;
}

export interface Assets {
  readonly script: Asset;
  readonly style: Asset;
  readonly icon: Asset;
}

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#2f6f9f" d="M4 7h16l-2 14H6z"/>' +
  '<path fill="none" stroke="#2f6f9f" stroke-width="1.5" d="M4 7a8 5 0 0 1 16 0"/></svg>';

/** @throws {Error} the package has not been built */
export function readAssets(folder: string = join(packageRoot, 'dist', 'web')): Assets {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      throw new Error(`the page's ${name} is missing in ${folder}: run npm run build`, { cause });
    }
  };
  return {
    script: asset('page', 'js', 'text/javascript; charset=utf-8', read('page.js')),
    style: asset('style', 'css', 'text/css; charset=utf-8', read('style.css')),
    icon: asset('icon', 'svg', 'image/svg+xml', Buffer.from(ICON)),
  };
}

function asset(name: string, extension: string, type: string, body: Buffer): Asset {
  const print = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return {
    path: `/assets/${name}-${print}.${extension}`,
    answer: { status: 200, type, body, headers: { 'cache-control': 'public, max-age=31536000, immutable' } },
  };
}
