// SPDX-License-Identifier: GPL-3.0-or-later
// calibrate: from a model and samples to a plan, with bits that a search chooses unless they are given.
import {
  accuracyOf,
  type Calibrated,
  CompileError,
  calibrate,
  chooseSystem,
  countHeld,
  domainOf,
  encodeReals,
  floatScores,
  type Graph,
  type IntegerProgram,
  type Knobs,
  lookupCost,
  type Mode,
  type OutputSpec,
  type ProofSystem,
  planToJson,
  programCost,
  programScores,
  type QuantiseOptions,
  relativeError,
  type Samples,
  type SearchResult,
  searchBits,
  targetLabels,
} from '../../zkml/index.ts'
import { type ModelOptions, readModel } from './model-commands.ts'
import { readSamples } from './samples.ts'
import { emit, percent, type Terminal, usage, withTerminal } from './terminal.ts'

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
  readonly system?: ProofSystem
  /** False: `--no-search`. */
  readonly search: boolean
  readonly maxLoss?: number
  readonly maxError?: number
  readonly target?: number
  readonly budget: number
  readonly output: string
  readonly dim: ModelOptions['dim']
  readonly take?: string
  readonly out: string
  readonly json?: boolean
}

/** What a search may give up by default: accuracy in percentage points, and error of the scores in percent of their variance. */
const MAX_LOSS = 0.3
/** `answer`: where accuracy is what counts. `scores`: where the scores themselves are the statement. */
const MAX_ERROR = { answer: 1, scores: 0.1 } as const
/** Bits of weights and activations from which a search starts, unless they are given. The second value is used if the first loses too much. */
const STARTS = [9, 12]

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
    terminal.progress('calibrating')
    const { found, search, system, notes } = decideBits(graph, calibration, heldOut, options, terminal)
    const { program, plan } = found
    const reference = floatScores(graph, heldOut.inputs, { signal })
    const scores = programScores(program, heldOut.inputs, { signal })
    const truth = targetLabels(heldOut, reference)
    const [floatAccuracy, accuracy] = [reference, scores].map((each) => accuracyOf(each, truth))
    const error = relativeError(reference, scores)
    await emit(planToJson(plan), options.out)
    const { constraints, power } = sizeIn(system, program)
    const allNotes = [...program.notes, ...notes, ...noteInputs(program, heldOut.inputs)]
    const judged = labels === undefined ? 'agreement with the float network' : 'accuracy'
    terminal.result(
      {
        plan: options.out,
        system,
        constraints,
        domain: 2 ** power,
        heldOut: heldOut.inputs.length,
        floatAccuracy,
        accuracy,
        error,
        ...(search === null ? {} : { search: traded(search) }),
        notes: allNotes,
      },
      [
        options.out,
        `constraints   ${constraints.toLocaleString('en-US')} in ${system}, domain 2^${power}`,
        `${judged} on ${heldOut.inputs.length} samples: float ${percent(floatAccuracy!, 2)}, quantised ${percent(accuracy!, 2)}`,
        `error of the scores: ${percent(error, 3)} of their variance`,
        ...(search === null ? [] : tradedLines(search)),
        ...allNotes,
      ].join('\n'),
    )
  })
}

type Decided = {
  readonly found: Calibrated
  /** Null where no search chose the bits. */
  readonly search: SearchResult | null
  readonly system: ProofSystem
  readonly notes: readonly string[]
}

function decideBits(
  graph: Graph,
  calibration: readonly ArrayLike<number>[],
  heldOut: Samples,
  options: CalibrateOptions,
  terminal: Terminal,
): Decided {
  const { weightBits, activationBits, headroom, maxLoss, maxError, target } = options
  const given: Partial<Knobs> = {
    inputBits: options.inputBits,
    ...(weightBits === undefined ? {} : { weightBits: { default: weightBits } }),
    ...(activationBits === undefined ? {} : { activationBits: { default: activationBits } }),
    ...(headroom === undefined ? {} : { headroom }),
  }
  const common = { mode: options.mode, output: parseOutput(options.output) } satisfies QuantiseOptions
  const wanted = [maxLoss, maxError, target].some((value) => value !== undefined)
  if (!options.search && wanted) throw usage('--no-search goes without --max-loss, --max-error and --target')
  const asGiven = (notes: readonly string[]): Decided => {
    const found = calibrate(graph, calibration, { ...common, knobs: given })
    return { found, search: null, system: options.system ?? chooseSystem(found.program).system, notes }
  }
  // Bits that an owner gives are kept, unless a search is asked for.
  if (!options.search || ((weightBits !== undefined || activationBits !== undefined) && !wanted)) return asGiven([])
  let refused: CompileError | null = null
  for (const bits of STARTS) {
    const knobs = { weightBits: { default: bits }, activationBits: { default: bits }, ...given }
    try {
      const start = calibrate(graph, calibration, { ...common, knobs }).program
      const system = options.system ?? chooseSystem(start).system
      terminal.progress(`searching for bits, at most ${options.budget} s`)
      const search = searchBits(graph, calibration, heldOut, {
        ...common,
        knobs,
        maxLoss: (maxLoss ?? MAX_LOSS) / 100,
        maxError: (maxError ?? defaultError(common.output)) / 100,
        ...(target === undefined ? {} : { target }),
        constraintsOf: (program) => sizeIn(system, program).constraints,
        levelOf: (constraints) => domainOf(constraints, SIGNALS[system]),
        seconds: options.budget,
        signal: terminal.signal,
        onStep: (step) =>
          terminal.progress(`${step.constraints} constraints, ${step.change}${step.kept ? '' : ', too much lost'}`),
      })
      return { found: search, search, system, notes: [] }
    } catch (error) {
      if (!(error instanceof CompileError) || !['accuracy-loss', 'bound-exceeded'].includes(error.code)) throw error
      // Of several refusals, the first one tells the owner what to do.
      refused ??= error
    }
  }
  if (wanted) throw refused!
  return asGiven([`the bits were not searched for: ${refused!.message}`])
}

function defaultError({ kind }: OutputSpec): number {
  return kind === 'label' || kind === 'margin' ? MAX_ERROR.answer : MAX_ERROR.scores
}

/** Public signals, the challenge included. */
const SIGNALS = { groth16: 4, 'groth16-lookup': 5 } as const

function sizeIn(
  system: ProofSystem,
  program: IntegerProgram,
): { readonly constraints: number; readonly power: number } {
  if (system === 'groth16-lookup') return lookupCost(program)
  const constraints = programCost(program).total
  return { constraints, power: domainOf(constraints, SIGNALS.groth16) }
}

const STOPPED = {
  target: 'the target is reached',
  time: 'the time is over; a larger --budget gives more',
  level: 'no smaller domain is in reach',
  budget: 'the loss allows no further bit to go',
} as const

function traded({ start, constraints, accuracy, error, knobs, stopped, steps }: SearchResult) {
  return { from: start, to: { constraints, accuracy, error }, bits: knobs, stopped, steps: steps.length }
}

function tradedLines({ start, constraints, accuracy, error, stopped, knobs }: SearchResult): string[] {
  const bits = (choice: Knobs['weightBits']) => {
    const lower = Object.entries(choice.layers ?? {}).map(([layer, each]) => `${layer} ${each}`)
    return [String(choice.default), ...lower].join(', ')
  }
  const lost = (100 * (start.accuracy - accuracy)).toFixed(2)
  return [
    `traded        ${start.constraints.toLocaleString('en-US')} → ${constraints.toLocaleString('en-US')} constraints for ${lost} points and an error of ${percent(start.error, 3)} → ${percent(error, 3)}; ${STOPPED[stopped]}`,
    `weight bits   ${bits(knobs.weightBits)}`,
    `activations   ${bits(knobs.activationBits)}`,
  ]
}

function noteInputs(program: IntegerProgram, inputs: readonly ArrayLike<number>[]): string[] {
  const outside = inputs.filter((input) => encodeReals(program, input, true).clamped > 0).length
  const held = countHeld(program, inputs)
  return [
    ...(held === 0
      ? []
      : [
          `${held} of ${inputs.length} judged samples leave the window of a table or a factor, so they cannot be proven; calibrate with more samples`,
        ]),
    ...(outside === 0
      ? []
      : [
          `${outside} of ${inputs.length} judged samples lie outside the calibrated range; proving refuses such inputs without --clamp`,
        ]),
  ]
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
