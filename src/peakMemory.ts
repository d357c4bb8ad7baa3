/** Peak memory of this process. */
import { readFileSync } from 'node:fs';

/** MiB resident at the peak. */
export function peakRssMib(): number {
  return Math.round((highWaterMark() ?? process.resourceUsage().maxRSS) / 1024);
}

/** KiB. On Linux `resourceUsage` may report the process that started this one: exec keeps the maximum. */
function highWaterMark(): number | null {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib);
  } catch {
    return null;
  }
}
