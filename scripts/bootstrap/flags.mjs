// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * A keeper runs for months. Left to itself V8 lets the space for young objects grow to 16 MiB twice over, and the rest for
 * hundreds of rounds before it looks through it. With this bound, and a collection after every round (keepers/agent/memory.ts),
 * a keeper needs two thirds of that and stays as large as it was. MiB.
 */
const YOUNG_MIB = 4

/** A process that proves once makes 100 MB of short-lived objects while it writes the circuit; as little is enough for them. */
const PROVES = ['prove', 'fullprove', 'bench']

/**
 * Node's own flags, given before a script's name.
 * @param {readonly string[]} command the script and its arguments
 * @returns {string[]}
 */
export function nodeFlags([script = '', first, second]) {
  const isCohort = script.endsWith('keepers/cli/main.ts')
  const isKeeper = isCohort && first === 'keeper' && second === 'run'
  const isProver = isCohort && first === 'zkml' && PROVES.includes(second ?? '')
  return [
    '--disable-warning=ExperimentalWarning',
    ...(isKeeper || isProver ? [`--max-semi-space-size=${YOUNG_MIB}`] : []),
    ...(isKeeper ? ['--expose-gc'] : []),
  ]
}
