// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * A keeper runs for months. Left to itself V8 lets the space for young objects grow to 16 MiB twice over, and the rest for
 * hundreds of rounds before it looks through it. With this bound, and a collection after every round (keepers/agent/memory.ts),
 * a keeper needs two thirds of that and stays as large as it was. MiB.
 */
const KEEPER_YOUNG_MIB = 4

/**
 * Node's own flags, given before a script's name.
 * @param {readonly string[]} command the script and its arguments
 * @returns {string[]}
 */
export function nodeFlags([script = '', first, second]) {
  const isKeeper = script.endsWith('keepers/cli/main.ts') && first === 'keeper' && second === 'run'
  return [
    '--disable-warning=ExperimentalWarning',
    ...(isKeeper ? [`--max-semi-space-size=${KEEPER_YOUNG_MIB}`, '--expose-gc'] : []),
  ]
}
