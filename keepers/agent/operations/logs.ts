// SPDX-License-Identifier: GPL-3.0-or-later
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { DestinationStream } from 'pino'
import { multistream, pino } from 'pino'
import { AgentError } from '../errors.ts'

/** A log file is set aside at start above this size, so that two of them bound what logs take. */
const ROTATE_BYTES = 20 << 20

/** Lines that wait for space on the disk; later ones are dropped. */
const WAITING_BYTES = 1 << 20

const current = (folder: string): string => join(folder, 'logs', 'keeper.log')
const previous = (folder: string): string => join(folder, 'logs', 'keeper.previous.log')

/** Milliseconds that a line waits for a reader who is behind, at once and in all; then it is dropped. */
const PAUSE = 5
const PATIENCE = 100

/**
 * Standard output for as long as it takes lines. A closed terminal, a reader that exited or a full disk must neither end a keeper nor delay
 * it. pino's own stream throws at the first of these and, at exit, retries for ever.
 */
export function standardOutput(fd = 1): DestinationStream {
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  return {
    write(line) {
      let rest = Buffer.from(line)
      for (let waited = 0; rest.length > 0 && waited < PATIENCE; ) {
        try {
          rest = rest.subarray(writeSync(fd, rest))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
          Atomics.wait(nobody, 0, 0, PAUSE)
          waited += PAUSE
        }
      }
    },
  }
}

/** Where a daemon's lines go: standard output, and the data folder for `export-logs`. */
export function openLogFiles(folder: string): DestinationStream {
  const file = current(folder)
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 })
  if (existsSync(file) && statSync(file).size > ROTATE_BYTES) renameSync(file, previous(folder))
  const kept = pino.destination({ dest: file, sync: true, maxLength: WAITING_BYTES })
  // A full disk must not end the keeper: standard output has the lines, and the file gets those that wait when it can.
  kept.on('error', () => undefined)
  return multistream(
    [
      { stream: standardOutput(), level: 'trace' },
      { stream: kept, level: 'trace' },
    ],
    { dedupe: false },
  )
}

/**
 * Copies a keeper's log lines, oldest first, into one file of JSON lines. They hold public facts only, so the file can be sent to anyone
 * who helps. Returns its size in bytes. @throws AgentError DATA if the log is empty.
 */
export async function exportLogs(folder: string, target: string): Promise<number> {
  const sources = [previous(folder), current(folder)].filter((file) => existsSync(file))
  if (sources.length === 0) throw new AgentError('DATA', `${folder} holds no logs: the keeper has not run there`)
  const temporary = `${target}.${process.pid}.tmp`
  for (const [index, source] of sources.entries()) {
    await pipeline(
      createReadStream(source),
      createWriteStream(temporary, { flags: index === 0 ? 'w' : 'a', mode: 0o600 }),
    )
  }
  renameSync(temporary, target)
  return statSync(target).size
}
