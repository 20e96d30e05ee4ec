// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGE = '@cohort-ai/circuits'

/** Where the gadget library lies: circuits/lib of this repository, else the installed package of circuits. */
export function gadgetDirectory(): string {
  const neighbour = fileURLToPath(new URL('../../circuits/lib', import.meta.url))
  if (existsSync(neighbour)) return neighbour
  return dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/lib/range.circom`))
}
