// SPDX-License-Identifier: GPL-3.0-or-later
// One model with its example input, from the file to a proof that verifies: a process of its own, so that a limit of time can
// end it. The folder holds network.onnx and input.json (EZKL's: `input_data`, one flat list for each input). The last line that
// is printed is the outcome so far.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeModel, type ModelProto, type ValueInfo } from '../../../keepers/zkml/import/onnx/schema.ts'
import { isFloat } from '../../../keepers/zkml/import/onnx/types.ts'
import {
  accuracyOf,
  CompileError,
  calibrate,
  compileFolder,
  floatScores,
  type Graph,
  InferenceProver,
  importModelFile,
  programCost,
  programScores,
  setupFolder,
  targetLabels,
  verifyProof,
} from '../../../keepers/zkml/index.ts'

/** A set-up of 2^17 rows holds the constraints, the four public signals and the constant one. */
const MOST_CONSTRAINTS = 2 ** 17 - 5
const CALIBRATION = 16
const HELD_OUT = 16

export type Stage = 'import' | 'calibrate' | 'size' | 'prove' | 'verified'

export type Outcome = {
  /** The last stage that was begun; `verified` is the end of the way. */
  readonly stage: Stage
  readonly constraints?: number
  /** Largest distance of integer program and float network on held-out inputs, as a share of the largest float output. */
  readonly error?: number
  /** Share of held-out inputs on which the largest output (of a single one: its sign) agrees with the float network. */
  readonly agreement?: number
  readonly seconds?: number
  readonly why?: string
  /** The failure named no cause that a user could act on. */
  readonly unclear?: boolean
}

/** A pseudo-random number in [0, 1): the same in every run. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function inputsOf({ input, initializer }: ModelProto['graph']): ValueInfo[] {
  const constants = new Set(initializer.map(({ name }) => name))
  return input.filter(({ name }) => !constants.has(name))
}

/** The example's list for each input: by place, or by the number in its name where inputs without a reader were pruned. */
function listsFor(inputs: readonly ValueInfo[], data: readonly unknown[]): number[][] {
  const lists = data.map((list) => [list].flat(Number.POSITIVE_INFINITY).map(Number))
  if (lists.length <= inputs.length) return lists
  return inputs.map(({ name }) => lists[Number(/\d*$/.exec(name)![0])] ?? [])
}

/**
 * The example, and others like it: its values in another order within each input, real ones scaled by ½ to 1, so that calibration
 * sees values that suit the network (signs, indices, ranges).
 */
function samplesLike(lists: readonly number[][], real: readonly boolean[], count: number): number[][] {
  return Array.from({ length: count }, (_, k) => {
    if (k === 0) return lists.flat()
    const next = random(k)
    return lists.flatMap((list, i) => {
      const each = [...list]
      for (let at = each.length - 1; at > 0; at--) {
        const other = Math.floor(next() * (at + 1))
        ;[each[at], each[other]] = [each[other]!, each[at]!]
      }
      return real[i] === true ? each.map((value) => value * (0.5 + next() / 2)) : each
    })
  })
}

/** Symbolic dimensions that the example fixes: an input with a single one gets the value that its list's length leaves. */
function dimensionsOf(inputs: readonly ValueInfo[], lists: readonly number[][]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [i, { type }] of inputs.entries()) {
    const shape = type?.tensor?.shape?.dim ?? []
    const open = shape.filter(({ value }) => value === undefined)
    const known = shape.reduce((product, { value }) => product * (value ?? 1), 1)
    const length = (lists[i]?.length ?? 0) / known
    if (open.length === 1 && open[0]!.parameter !== undefined && Number.isInteger(length) && length > 0)
      found[open[0]!.parameter] = length
  }
  return found
}

async function measure(folder: string, report: (outcome: Outcome) => void): Promise<void> {
  const start = performance.now()
  let outcome: Outcome = { stage: 'import' }
  const now = (more: Partial<Outcome>): void => {
    outcome = { ...outcome, ...more, seconds: (performance.now() - start) / 1000 }
    report(outcome)
  }
  try {
    const path = join(folder, 'network.onnx')
    const { graph: proto } = decodeModel(await readFile(path))
    const inputs = inputsOf(proto)
    const text = await readFile(join(folder, 'input.json'), 'utf8').catch(() => null)
    const lists = text === null ? [] : listsFor(inputs, JSON.parse(text).input_data)
    const graph = await importModelFile(path, {
      dimensions: dimensionsOf(inputs, lists),
      ...(proto.output.length > 1 ? { output: proto.output.map(({ name }) => name).join(',') } : {}),
    })
    now({ stage: 'calibrate' })
    if (text === null) return now({ why: 'no input.json to calibrate with' })
    const real = inputs.map(({ type }) => isFloat(type?.tensor?.elementType ?? 0))
    const samples = samplesLike(lists, real, CALIBRATION + HELD_OUT)
    await prove(graph, samples.slice(0, CALIBRATION), samples.slice(CALIBRATION), now)
  } catch (error) {
    const { message } = error as Error
    now({ why: message, unclear: !(error instanceof CompileError) })
  }
}

async function prove(
  graph: Graph,
  samples: readonly number[][],
  heldOut: readonly number[][],
  now: (more: Partial<Outcome>) => void,
): Promise<void> {
  const last = graph.nodes.find(({ output }) => output === graph.output)
  // Of an ArgMax at the end only the label can be said; the scores before it are compared.
  const scoring = last?.op === 'argmax' ? { ...graph, output: last.input } : graph
  const range = samples.flat().every((value) => value === 0) ? { inputRange: { min: 0, max: 1 } } : {}
  const { program } = calibrate(graph, samples, {
    mode: 'released',
    output: { kind: scoring === graph ? 'logits-commitment' : 'label' },
    ...range,
  })
  const float = floatScores(scoring, heldOut)
  const integer = programScores(program, heldOut)
  const largest = float.reduce((most, each) => each.reduce((m, value) => Math.max(m, Math.abs(value)), most), 0)
  const apart = float.flatMap((each, i) => Array.from(each, (value, j) => Math.abs(value - integer[i]![j]!)))
  const figures = {
    error: apart.reduce((a, b) => Math.max(a, b), 0) / Math.max(largest, Number.MIN_VALUE),
    agreement: accuracyOf(integer, targetLabels({ inputs: heldOut }, float)),
  }
  const estimate = programCost(program).total
  now({ stage: 'size', constraints: estimate, ...figures })
  if (estimate > MOST_CONSTRAINTS) return now({ why: `${estimate} constraints, more than ${MOST_CONSTRAINTS}` })
  now({ stage: 'prove' })
  const at = await mkdtemp(join(tmpdir(), 'cohort-example-'))
  try {
    const { manifest } = await compileFolder({ folder: at, program })
    await setupFolder(at)
    const prover = await InferenceProver.open(at)
    const { proof, publicSignals } = await prover.prove({ input: samples[0]!, context: 1n })
    const other = publicSignals.map((signal, i) => (i === 3 ? signal + 1n : signal))
    const holds = (signals: readonly bigint[]): Promise<boolean> =>
      verifyProof(prover.key, proof, signals as typeof publicSignals)
    const [itself, forged] = [await holds(publicSignals), await holds(other)]
    await prover.close()
    if (!itself || forged) return now({ why: 'the proof does not hold, or holds for another context', unclear: true })
    now({ stage: 'verified', constraints: manifest.constraints })
  } finally {
    await rm(at, { recursive: true, force: true })
  }
}

await measure(process.argv[2]!, (outcome) => process.stdout.write(`${JSON.stringify(outcome)}\n`))
