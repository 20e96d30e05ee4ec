// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'

/**
 * Largest resident memory of this process so far, its threads included, in bytes. On Linux the kernel's own mark of its address
 * space: in a child, the value of getrusage starts at the parent's.
 */
export function peakMemory(): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
    if (found !== null) return Number(found[1]) * 1024
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}
