// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * A keeper runs for months. Left to itself V8 lets the space for young objects grow to 16 MiB twice over, and the rest for
 * hundreds of rounds before it looks through it. With this bound, and collections between rounds (keepers/agent/memory.ts),
 * a keeper needs two thirds of that and stays as large as it was. MiB.
 */
const KEEPER_YOUNG_MIB = 4

/**
 * A keeper's heap is 60 MB, which one thread looks through in 60 ms. V8's own way is to have several threads look at the same time; they wait for each
 * other longer than they work, which cost a fifth of a keeper's processor time.
 */
const KEEPER_COLLECTOR = '--single-threaded-gc'

/**
 * `zkml` commands that prove. Writing a circuit makes 100 MB of objects that live for a moment; in a large space for young ones,
 * most of that stays resident. A small one costs no time that can be measured. MiB.
 */
const PROVES = ['prove', 'fullprove', 'bench']
const PROVER_YOUNG_MIB = 1

/** Keepers of another kind, from their sources and from a program (program.mjs). */
const OTHER_KEEPERS = /(?:demo[.\\/]spoiler\.|e2e[.\\/]liar\.)(?:ts|mjs)$/

/**
 * Node's own flags, given before a script's name.
 * @param {readonly string[]} command the script and its arguments
 * @returns {string[]}
 */
export function nodeFlags([script = '', first, second]) {
  const isCohort = script.endsWith('keepers/cli/main.ts')
  const isKeeper = (isCohort && first === 'keeper' && second === 'run') || OTHER_KEEPERS.test(script)
  const isProver = isCohort && first === 'zkml' && PROVES.includes(second ?? '')
  return [
    '--disable-warning=ExperimentalWarning',
    ...(isKeeper ? [`--max-semi-space-size=${KEEPER_YOUNG_MIB}`, KEEPER_COLLECTOR, '--expose-gc'] : []),
    ...(isProver ? [`--max-semi-space-size=${PROVER_YOUNG_MIB}`] : []),
  ]
}
