/** A real PgBouncer with its default settings, where it is installed. It refuses to run as root. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { answersAt, freePort } from './ports.ts';

const PROGRAM = '/usr/sbin/pgbouncer';
const NOBODY = 65_534;

export const hasPgBouncer = existsSync(PROGRAM);

export interface PgBouncer {
  readonly url: string;
  close(): Promise<void>;
}

export async function pgBouncer(target: string, poolMode: 'session' | 'transaction'): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(target);
  const folder = await mkdtemp(join(tmpdir(), 'balde-pgbouncer-'));
  await chmod(folder, 0o755);
  const own = await freePort();
  const settings = [
    '[databases]',
    `* = host=${hostname} port=${port}`,
    '[pgbouncer]',
    `listen_addr=127.0.0.1\nlisten_port=${own}\nunix_socket_dir=`,
    `auth_type=plain\nauth_file=${join(folder, 'users')}`,
    `pool_mode=${poolMode}`,
  ];
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, `${settings.join('\n')}\n`);
  await writeFile(join(folder, 'users'), `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`);
  const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn(PROGRAM, ['-q', file], { stdio: 'ignore', ...asNobody });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await eventually('PgBouncer', async () => await answersAt(own));
  const url = new URL(target);
  url.host = `127.0.0.1:${own}`;
  return {
    url: url.href,
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
