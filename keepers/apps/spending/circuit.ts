// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the circuit of the judge of spends with a local proving key once, and keeps it.
import { type ReleasedCircuit, type ReleasedCircuitOptions, releasedCircuit } from '../../serving/index.ts'
import { spendModel } from './saved.ts'
import { SPEND_CIRCUIT, spendProgram } from './spend.ts'

/** The folder of that circuit below `cache`. If it is missing, makes circuit and key, which takes some seconds. */
export async function spendCircuit(cache: string, options: ReleasedCircuitOptions = {}): Promise<ReleasedCircuit> {
  return await releasedCircuit(cache, 'spend', spendProgram(spendModel()), SPEND_CIRCUIT, options)
}
