// SPDX-License-Identifier: GPL-3.0-or-later
// Compiles the two circuits into folders, on request with local keys.
import {
  compileSource,
  type IntegerProgram,
  type LocalSetupOptions,
  type SourceCircuit,
  setupSource,
} from '../../zkml/index.ts'
import { IDENTITY_SIGNALS, identitySource, LIST_SIGNALS, listSource } from './source.ts'

/** The public signals' names in the order of the r1cs, with one name for each word of the set of countries. */
const NAMES = IDENTITY_SIGNALS.flatMap((name) =>
  name === 'countries' ? [0, 1, 2, 3].map((i) => `${name}[${i}]`) : name,
)

export type CircuitChoice = LocalSetupOptions & {
  /** Also make a local key, whose maker could forge proofs. */
  readonly local?: boolean
}

/** Compiles the proof of identity into a folder: some half a minute. */
export async function identityCircuit(
  folder: string,
  program: IntegerProgram,
  choice: CircuitChoice = {},
): Promise<SourceCircuit> {
  return await made(folder, { name: 'identity', source: identitySource(program), signals: NAMES }, choice)
}

/** Compiles the proof of a list's change into a folder. */
export async function listCircuit(folder: string, choice: CircuitChoice = {}): Promise<SourceCircuit> {
  return await made(folder, { name: 'list change', source: listSource(), signals: LIST_SIGNALS }, choice)
}

async function made(
  folder: string,
  circuit: { readonly name: string; readonly source: string; readonly signals: readonly string[] },
  { local = false, ...options }: CircuitChoice,
): Promise<SourceCircuit> {
  const { signal } = options
  const compiled = await compileSource({ folder, ...circuit, ...(signal === undefined ? {} : { signal }) })
  if (local) await setupSource(folder, options)
  return compiled
}
