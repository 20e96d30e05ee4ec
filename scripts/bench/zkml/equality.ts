// SPDX-License-Identifier: GPL-3.0-or-later
// Is the circuit of a trained network its reference interpreter, picture by picture? Every score is read from the witness, and
// the original constraints are checked on it.
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SCALAR_FIELD } from '../../../keepers/zkml/bn254.ts'
import { decodeWitness } from '../../../keepers/zkml/circuit/constraints.ts'
import { Symbols } from '../../../keepers/zkml/circuit/symbols.ts'
import {
  type CircuitFolder,
  compileFolder,
  folderPaths,
  InferenceCircuit,
  type IntegerProgram,
  openFolder,
  programToJson,
} from '../../../keepers/zkml/index.ts'
import { CACHE } from './networks.ts'

export type Equality = {
  readonly constraints: number
  /** Pictures on which the circuit and the interpreter agree about scores, label and commitments. */
  readonly equal: number
  /** Distinct lists of scores among them: pictures that add nothing new do not count twice. */
  readonly distinct: number
}

/** Checking the constraints in big integers takes longer than the witness does: the first pictures stand for all. */
const CHECKED = 20

/** Compiles `program` and compares on all `inputs` (real values). @throws Error naming the first picture that differs. */
export async function compareOnPictures(program: IntegerProgram, inputs: readonly Float64Array[]): Promise<Equality> {
  const folder = join(CACHE, 'folders', `${program.name}-equality`)
  const compiled = (await compiledBefore(folder, program)) ?? (await compileAnew(folder, program))
  const circuit = await InferenceCircuit.open(compiled)
  const symbols = Symbols.parse(await readFile(join(folder, 'circuit.sym'), 'utf8'))
  const seen = new Set<string>()
  for (const [index, input] of inputs.entries()) {
    // Throws when a public signal differs.
    const { values, scores } = circuit.witness({ input, context: BigInt(index) })
    if (!(values instanceof Uint8Array)) throw new TypeError('circom’s circuits have one witness')
    const witness = decodeWitness(values)
    for (const [i, score] of scores.entries()) {
      const found = witness[symbols.wire(`main.answer.score[${i}]`)]!
      if (found !== (score < 0 ? SCALAR_FIELD : 0n) + BigInt(score)) {
        throw new Error(`picture ${index}: score ${i} is ${found} in the circuit, ${score} in the interpreter`)
      }
    }
    const violated = index < CHECKED ? await circuit.violation(values) : null
    if (violated !== null) throw new Error(`picture ${index}: constraint ${violated} does not hold`)
    seen.add(scores.join(' '))
  }
  return { constraints: compiled.manifest.constraints, equal: inputs.length, distinct: seen.size }
}

/** The very same program's circuit from an earlier run, or null. */
async function compiledBefore(folder: string, program: IntegerProgram): Promise<CircuitFolder | null> {
  const text = await readFile(folderPaths(folder).program, 'utf8').catch(() => null)
  return text === programToJson(program) ? openFolder(folder).catch(() => null) : null
}

async function compileAnew(folder: string, program: IntegerProgram): Promise<CircuitFolder> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return compileFolder({ folder, program })
}
