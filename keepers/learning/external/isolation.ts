// SPDX-License-Identifier: GPL-3.0-or-later
// Uses the kernel to keep a program from the network and from other processes, and to end it reliably.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import type { TrainerLimits } from './command.ts'

type Wanted = Pick<TrainerLimits, 'network' | 'processes'>

/** Without capabilities, and without a way to get any: it could take its own view of /proc away, and would see the one beneath. */
const POWERLESS = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs', '--']
/** `--keep-caps`: the second `unshare` needs the capabilities of the first one's namespace. */
const USERS = [[], ['--map-current-user', '--keep-caps'], ['--map-root-user', '--keep-caps']]
/** Process 1 of its own /proc is this shell; then the program's words. */
const FIRST = 'test $$ = 1 && read -r name < /proc/1/comm && test "$name" = sh && "$@"'

const found = new Map<string, readonly string[] | null>()

/** Words that run a program apart from what `wanted` names, or null where the kernel does not let them. Asked once. */
export function isolation(wanted: Wanted): readonly string[] | null {
  const key = `${wanted.network}/${wanted.processes}`
  if (!found.has(key)) found.set(key, find(wanted))
  return found.get(key)!
}

function find({ network, processes }: Wanted): readonly string[] | null {
  if (network === 'allowed' && processes === 'shared') return mortal()
  const net = network === 'none' ? ['--net'] : []
  for (const user of USERS) {
    const words =
      processes === 'shared'
        ? ['unshare', ...user.filter((word) => word !== '--keep-caps'), ...net, '--', ...mortal()]
        : [
            ...(user.length + net.length === 0 ? [] : ['unshare', ...user, ...net, '--']),
            // A new user namespace resets earlier settings.
            ...mortal(),
            ...['unshare', '--pid', '--mount-proc', '--fork', '--kill-child=KILL', '--', ...POWERLESS],
          ]
    if (keeps(words, { network, processes })) return words
  }
  return null
}

function keeps([program, ...args]: readonly string[], { network, processes }: Wanted): boolean {
  const look = ['cat', '/proc/net/dev']
  const probe = processes === 'own' ? ['sh', '-c', `${FIRST}; exit $?`, 'sh', ...look] : look
  const { status, stdout } = spawnSync(program!, [...args, ...probe], { encoding: 'utf8' })
  if (status !== 0) return false
  // Two lines of headings, then an interface a line: loopback alone, and that one is down.
  return network === 'allowed' || (stdout.trimEnd().split('\n').length === 3 && /^\s*lo:/m.test(stdout))
}

/** Words that have the kernel kill the program when this thread is gone, even by `kill -9`; none where setpriv is not. Asked once. */
let mortality: readonly string[] | undefined
function mortal(): readonly string[] {
  const words = ['setpriv', '--pdeathsig', 'KILL', '--']
  mortality ??= spawnSync(words[0]!, [...words.slice(1), 'true']).status === 0 ? words : []
  return mortality
}

/** Rounds of looking for processes: each may start another while it is looked for. */
const SWEEPS = 5

/**
 * Kills the processes that were started with this variable in their environment. For programs that share the system's processes: one that left
 * the group is found by it, one that started with another environment is not.
 */
export function killMarked(name: string, value: string): void {
  const marked = `${name}=${value}`
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let killed = 0
    for (const entry of entriesOf('/proc')) {
      if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue
      try {
        if (!readFileSync(`/proc/${entry}/environ`, 'utf8').split('\0').includes(marked)) continue
        process.kill(Number(entry), 'SIGKILL')
        killed += 1
      } catch {
        // Gone, or another user's.
      }
    }
    if (killed === 0) return
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // No such file system on this one.
    return []
  }
}
