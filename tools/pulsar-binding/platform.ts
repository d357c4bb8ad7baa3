/** Which machines the addon can be built on, from the library in the Python wheel. */

export interface Machine {
  /** As `process.platform`. */
  platform: string;
  /** As `process.arch`. */
  arch: string;
  /** The C library of the running Node; `none` outside Linux. */
  libc: 'glibc' | 'musl' | 'none';
  /** For glibc, for example `2.36`. */
  glibcVersion?: string;
}

/** The shared library in one wheel. Its file name is its SONAME: the addon finds it under no other. */
export interface WheelLibrary {
  /** pip's name of the platform. */
  wheelPlatform: string;
  file: string;
  sha256: string;
}

/** The oldest glibc that the library's symbols allow (`GLIBC_2.28`). */
const oldestGlibc = '2.28';

const libraries = new Map<string, WheelLibrary>([
  [
    'x64',
    {
      wheelPlatform: 'manylinux_2_28_x86_64',
      file: 'libpulsar-b0edd7ad.so',
      sha256: 'e097f092d1f66ac0a40fbedc634306985c5d46f638de3956e076e919dc28f464',
    },
  ],
  [
    'arm64',
    {
      wheelPlatform: 'manylinux_2_28_aarch64',
      file: 'libpulsar-1e7394d2.so',
      sha256: '0f7a80e5269c2c63c5f25e3bc97b976092fafbba70c24f637684fe6c089d79a8',
    },
  ],
]);

function glibcOfNode(): string | undefined {
  // Node's report tells the C library only when it is glibc. Its list of sockets would need name lookups: left out.
  const settings = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = settings.excludeNetwork;
  settings.excludeNetwork = true;
  const report: unknown = process.report.getReport();
  settings.excludeNetwork = before ?? false;
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined;
  const header = report.header as { glibcVersionRuntime?: string };
  return header.glibcVersionRuntime;
}

/** The machine this process runs on. */
export function thisMachine(): Machine {
  const { platform, arch } = process;
  if (platform !== 'linux') return { platform, arch, libc: 'none' };
  const glibcVersion = glibcOfNode();
  return glibcVersion === undefined
    ? { platform, arch, libc: 'musl' }
    : { platform, arch, libc: 'glibc', glibcVersion };
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

const supported =
  'The addon can be built on Linux with glibc on x64 and arm64 processors ' +
  '(tried on x64; on arm64 the library was only seen to export all that is needed).';

/**
 * The wheel's library for the machine, or why there is none and what to do.
 * Shapes: `{ library }` or `{ message }`.
 */
export function libraryFor(machine: Machine): { library: WheelLibrary } | { library?: undefined; message: string } {
  const { platform, arch, libc, glibcVersion } = machine;
  if (platform !== 'linux')
    return {
      message:
        `there is no build for ${platform}. ${supported}\n` +
        '  What to do: let npm reach the ready-made addon (a proxy or mirror), or run Balde in a Linux container.',
    };
  const library = libraries.get(arch);
  if (library === undefined)
    return {
      message: `there is no build for the processor ${arch}. ${supported}\n  What to do: use an x64 or arm64 machine.`,
    };
  if (libc !== 'glibc')
    return {
      message:
        `this Linux uses musl (Alpine, for example), and the library needs glibc ${oldestGlibc} or newer. ${supported}\n` +
        '  What to do: use a glibc system, for example a Debian-based Node image instead of an Alpine one.',
    };
  if (glibcVersion !== undefined && isOlder(glibcVersion, oldestGlibc))
    return {
      message:
        `this system has glibc ${glibcVersion}, and the library needs ${oldestGlibc} or newer.\n` +
        '  What to do: use a newer system (Debian 10, Ubuntu 20.04, RHEL 8 and later have it).',
    };
  return { library };
}
