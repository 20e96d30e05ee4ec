// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses ports for processes that are about to start. A port that the system hands out is from the range for outgoing connections, so it may be taken
// before the process listens, or while it restarts. The ports chosen here are below that range.
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { OptionError } from './options.ts'

/**
 * Below what Linux (32768), macOS and Windows (49152) give to outgoing connections; few services live here. Of tests that run at the
 * same time each has a part of it, which COHORT_PORTS names: a port is free until its process starts.
 */
const [FIRST, LAST] = portRange(process.env.COHORT_PORTS ?? '20000-32767')
const TRIES = 50

const given = new Set<number>()

/** @throws OptionError for an invalid range of ports */
export function portRange(text: string): [first: number, last: number] {
  const [, first, last] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number)
  if (first === undefined || last === undefined || first < 1 || last < first || last > 65_535) {
    throw new OptionError(`COHORT_PORTS '${text}': takes FIRST-LAST, such as 20000-32767`)
  }
  return [first, last]
}

/**
 * The requested port; by default, a free one that this process has not been given before.
 * @throws OptionError when the asked port is in use
 */
export async function freePort(asked = 0): Promise<number> {
  if (asked !== 0) {
    if (await isFree(asked)) return asked
    throw new OptionError(`--port '${asked}': in use; end the other process or choose another port`)
  }
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, LAST + 1)
    if (given.has(port)) continue
    // Before the question: somebody else may be given a port while it is asked.
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${TRIES} ports between ${FIRST} and ${LAST} is free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
