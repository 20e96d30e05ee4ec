// SPDX-License-Identifier: GPL-3.0-or-later
// calibrate, table, compile.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  accuracyOf,
  buildWithPlan,
  calibrate,
  compileFolder,
  countHeld,
  encodeReals,
  floatScores,
  folderPaths,
  formatProgramTable,
  type Graph,
  type InputVisibility,
  type IntegerProgram,
  importModelFile,
  type Mode,
  type OutputSpec,
  type ProofSystem,
  planFromJson,
  planToJson,
  programCost,
  programFromJson,
  programScores,
  programTable,
  type Simplification,
  searchBits,
  targetLabels,
  type Visibility,
} from '../../zkml/index.ts'
import { circuitLines } from './circuit-lines.ts'
import { readSamples } from './samples.ts'
import { badData, emit, percent, usage, withTerminal } from './terminal.ts'
import { type Shown, visibilityOf } from './visibility.ts'

type CalibrateOptions = {
  readonly data: string
  readonly labels?: string
  readonly samples: number
  readonly heldOut: number
  readonly mode: Mode
  readonly inputBits: number
  readonly weightBits?: number
  readonly activationBits?: number
  readonly headroom?: number
  readonly maxLoss?: number
  readonly target?: number
  readonly output: string
  readonly dim: ModelOptions['dim']
  readonly take?: string
  readonly out: string
  readonly json?: boolean
}

/** How to read an ONNX file: lengths of its symbolic dimensions, and the output to compute. */
export type ModelOptions = { readonly dim: Readonly<Record<string, number>>; readonly take?: string }

export async function calibrateCommand(modelPath: string, options: CalibrateOptions): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { signal } = terminal
    const graph = await readModel(modelPath, options)
    const { inputs, labels } = await readSamples(
      options.data,
      options.labels,
      options.samples + options.heldOut,
      graph.input.shape,
    )
    const calibration = inputs.slice(0, options.samples)
    // A small file judges by the samples that also set the scales.
    const from = inputs.length > options.samples ? options.samples : 0
    const heldOut = { inputs: inputs.slice(from), ...(labels === undefined ? {} : { labels: labels.slice(from) }) }
    const knobs = {
      inputBits: options.inputBits,
      ...(options.weightBits === undefined ? {} : { weightBits: { default: options.weightBits } }),
      ...(options.activationBits === undefined ? {} : { activationBits: { default: options.activationBits } }),
      ...(options.headroom === undefined ? {} : { headroom: options.headroom }),
    }
    const common = { mode: options.mode, knobs, output: parseOutput(options.output) }
    terminal.progress('calibrating')
    const found =
      options.maxLoss === undefined
        ? calibrate(graph, calibration, common)
        : searchBits(graph, calibration, heldOut, {
            ...common,
            maxLoss: options.maxLoss / 100,
            ...(options.target === undefined ? {} : { target: options.target }),
            signal,
            onStep: (step) => terminal.progress(`${step.constraints} constraints, ${step.change}`),
          })
    const { program, plan } = found
    const reference = floatScores(graph, heldOut.inputs, { signal })
    const truth = targetLabels(heldOut, reference)
    const [floatAccuracy, accuracy] = [reference, programScores(program, heldOut.inputs, { signal })].map((scores) =>
      accuracyOf(scores, truth),
    )
    await emit(planToJson(plan), options.out)
    const constraints = programCost(program).total
    const outside = heldOut.inputs.filter((input) => encodeReals(program, input, true).clamped > 0).length
    const held = countHeld(program, heldOut.inputs)
    const notes = [
      ...program.notes,
      ...(held === 0
        ? []
        : [
            `${held} of ${heldOut.inputs.length} judged samples leave the window of a table or a factor and have no proof; calibrate with more samples`,
          ]),
      ...(outside === 0
        ? []
        : [
            `${outside} of ${heldOut.inputs.length} judged samples lie outside the calibrated range; proving refuses such inputs without --clamp`,
          ]),
    ]
    const judged = labels === undefined ? 'agreement with the float network' : 'accuracy'
    terminal.result(
      { plan: options.out, constraints, heldOut: heldOut.inputs.length, floatAccuracy, accuracy, notes },
      [
        options.out,
        `constraints   ${constraints.toLocaleString('en-US')}`,
        `${judged} on ${heldOut.inputs.length} samples: float ${percent(floatAccuracy!, 2)}, quantised ${percent(accuracy!, 2)}`,
        ...notes,
      ].join('\n'),
    )
  })
}

export async function tableCommand(
  modelPath: string,
  options: {
    readonly plan?: string
    readonly dim: ModelOptions['dim']
    readonly take?: string
    readonly input: Shown<InputVisibility>
    readonly output: Shown<Visibility>
    readonly json?: boolean
  },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const program = await readProgram(modelPath, options.plan, options)
    const cost = {
      input: visibilityOf(program, 'inputs', options.input),
      output: visibilityOf(program, 'outputs', options.output),
    }
    terminal.result(programTable(program, cost), formatProgramTable(program, cost))
  })
}

type CompileOptions = {
  readonly plan: string
  readonly dim: ModelOptions['dim']
  readonly take?: string
  readonly out: string
  readonly input: Shown<InputVisibility>
  readonly output: Shown<Visibility>
  readonly system: ProofSystem
  readonly simplification: Simplification
  readonly modelSalt?: string
  readonly json?: boolean
}

export async function compileCommand(modelPath: string, options: CompileOptions): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { program, clipping, plan } = await readPlannedModel(modelPath, options.plan, options)
    const shown = {
      input: visibilityOf(program, 'inputs', options.input),
      output: visibilityOf(program, 'outputs', options.output),
    }
    terminal.progress('compiling the circuit; seconds to a minute')
    const { manifest } = await compileFolder({
      folder: options.out,
      program,
      plan: planToJson(plan),
      options: shown,
      system: options.system,
      simplification: options.simplification,
      signal: terminal.signal,
      ...(options.modelSalt === undefined ? {} : { modelSalt: await readSaltFile(options.modelSalt) }),
    })
    const clipped = clipping.map(
      ({ layer, role, clipped: count, of }) => `${layer} ${role}: ${count} of ${of} weights clipped`,
    )
    terminal.result({ ...manifest, clipping }, [...circuitLines(options.out, manifest), ...clipped].join('\n'))
  })
}

/** An ONNX file, or a tfjs model: its folder or its model.json. */
async function readModel(path: string, { dim: dimensions, take }: ModelOptions): Promise<Graph> {
  const file = (await stat(path)).isDirectory() ? join(path, 'model.json') : path
  return importModelFile(file, { dimensions, ...(take === undefined ? {} : { output: take }) })
}

/** A model as its plan makes integers of it. */
export async function readPlannedModel(path: string, planPath: string, options: ModelOptions) {
  const plan = planFromJson(await readFile(planPath, 'utf8'))
  return { ...buildWithPlan(await readModel(path, options), plan), plan }
}

async function readProgram(path: string, planPath: string | undefined, options: ModelOptions): Promise<IntegerProgram> {
  if (planPath !== undefined) return (await readPlannedModel(path, planPath, options)).program
  const file = (await stat(path)).isDirectory() ? folderPaths(path).program : path
  if (!file.endsWith('.json')) throw usage(`${path} is not a compiled folder; give the model’s plan with --plan`)
  return programFromJson(await readFile(file, 'utf8'))
}

function parseOutput(text: string): OutputSpec {
  const [kind, index, threshold, ...rest] = text.split(':')
  switch (kind) {
    case 'label':
    case 'margin':
    case 'value':
    case 'logits-commitment':
      if (index === undefined) return { kind }
      break
    case 'score':
      if (
        rest.length === 0 &&
        /^\d{1,9}$/.test(index ?? '') &&
        threshold?.trim() &&
        Number.isFinite(Number(threshold))
      ) {
        return { kind, index: Number(index), threshold: Number(threshold) }
      }
  }
  throw usage(`--output is '${text}'; label, margin, value, logits-commitment or score:INDEX:THRESHOLD is needed`)
}

export async function readSaltFile(path: string): Promise<bigint> {
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^0x[0-9a-fA-F]{32,64}$/.test(text)) throw badData(`${path} holds no 0x… salt of 128 bits or more`)
  return BigInt(text)
}
