// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a manifest from a sample and an architecture, and estimates the cost of a service.
import { FheError } from '../fhe/index.ts'
import { evenLayerGroups, initialWeights, LocalTrainer, type ModelSpec } from '../learning/index.ts'
import {
  Coverage,
  firstWeights,
  manifestCid,
  manifestDigest,
  modelPart,
  openManifest,
  planFor,
  provableGraph,
  type RoundTerms,
  type ServiceManifest,
  startOf,
  USUAL_TERMS,
  USUAL_VOTE,
  VersionError,
} from '../versions/index.ts'
import { CompileError } from '../zkml/index.ts'
import { calibratePlan } from './calibration.ts'
import { type Price, priceOf } from './price.ts'
import type { Sample } from './sample.ts'
import { playTrial } from './trial.ts'

export type DraftOptions = {
  readonly name: string
  readonly spec: ModelSpec
  readonly sample: Sample
  /** Most members that the encryption must serve (the chain's maxKeepers); below, rounds under one key (decryptionsPerEpoch). */
  readonly keepers: number
  readonly decryptionsPerEpoch: number
  /** Rounds to simulate; with layer groups, for each group. */
  readonly rounds: number
  /** Number of groups of layers that rounds cover in turn; by default, each round covers all layers. */
  readonly layerGroups?: number
  /** An ONNX file with the weights before the first round; by default they are random. */
  readonly start?: Uint8Array
  /** Samples of all members together; by default, the number in the sample. */
  readonly total?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (text: string) => void
}

/**
 * A forecast of a manifest's service, for the people who decide about it. Accuracies 0 … 1 (of amounts R²), on samples that nobody trained
 * on.
 */
export type DraftReport = {
  readonly digest: string
  readonly cid: string
  readonly parameters: number
  readonly accuracy: {
    /** After the simulated rounds, in float; below, after rounding inputs and weights to the plan. */
    readonly float: number
    readonly proven: number
    readonly rounds: number
    /** With the first weights that the owner gave, in float. */
    readonly start?: number
  }
  readonly headroom: {
    /** How far weights may grow beyond the weights of the last simulated round. */
    readonly factor: number
    /** Largest share of weights clipped in any round played. */
    readonly clippedShare: number
  }
  readonly encryption: {
    readonly precisionBits: number
    /** What one member sends in one round, with the most members. */
    readonly updateBytes: number
    readonly shareBytes: number
  }
  readonly proof: Price
}

/** Number of virtual keepers among which the sample is dealt. */
const TRIAL_KEEPERS = 4
/** Real keepers choose their own learning rate and passes, and with less data their updates vary more. */
const CLIP_MARGIN = 4
const MOST_CLIP_BOUND = 64
/** Share of the samples that may be missing from a round before its mean is less precise than planned. */
const LEAST_SHARE = 0.5

/**
 * Simulates rounds on the sample, takes bounds from them, calibrates the plan, and checks that there are encryption parameters and a circuit.
 * @throws VersionError BAD_MANIFEST when the model cannot be proven or encrypted; LearningError; the signal's reason
 */
export async function draftService(
  options: DraftOptions,
): Promise<{ readonly manifest: ServiceManifest; readonly report: DraftReport }> {
  const { name, spec, sample, signal, onProgress: say = () => undefined } = options
  const work = signal === undefined ? {} : { signal }
  const layerGroups =
    options.layerGroups === undefined ? undefined : evenLayerGroups(spec.parameters, options.layerGroups)
  // Each group has its turn in one of so many rounds, and its weights should grow as far as without groups.
  const rounds = options.rounds * (layerGroups?.length ?? 1)
  const start = options.start === undefined ? null : await broughtAlong(options.start, options)
  // Checked first: for layers without a provable form, the rounds would be wasted.
  provable(() => provableGraph({ spec }, start?.weights ?? initialWeights(spec, 1)))
  say(`playing ${rounds} rounds with ${TRIAL_KEEPERS} virtual keepers`)
  const trial = await playTrial(spec, sample, {
    keepers: TRIAL_KEEPERS,
    rounds,
    layerGroups,
    ...(start === null ? {} : { start: start.weights }),
    ...work,
    onRound: (round, accuracy) => say(`round ${round} of ${rounds}: ${(100 * accuracy).toFixed(1)} %`),
  })
  say('calibrating the plan for proofs')
  const calibrated = provable(() => calibratePlan(spec, sample, trial, signal))
  const samples = options.total ?? sample.train.count + sample.test.count
  const terms: RoundTerms = {
    ...USUAL_TERMS,
    clipBound: Math.min(MOST_CLIP_BOUND, upwards(CLIP_MARGIN * trial.largestEntry)),
    clipNorm: upwards(CLIP_MARGIN * trial.largestNorm),
    maxSamples: upwards(samples),
    minTotalSamples: Math.max(1, Math.floor(LEAST_SHARE * samples)),
    ...(layerGroups === undefined ? {} : { layerGroups }),
  }
  const manifest: ServiceManifest = {
    format: 'cohort/manifest/1',
    name,
    model: { ...modelPart(spec), ...(start === null ? {} : { weights: start.named }) },
    input: sample.input,
    task: sample.task,
    vote: sample.task.kind === 'regression' ? { ...USUAL_VOTE, metric: 'loss' } : USUAL_VOTE,
    rounds: terms,
    plan: calibrated.plan as ServiceManifest['plan'],
  }
  await openManifest(manifest, name)
  say('checking the encryption')
  const encryption = encryptionOf(terms, options)
  say('counting constraints')
  const report: DraftReport = {
    digest: manifestDigest(manifest),
    cid: manifestCid(manifest),
    parameters: spec.parameterCount,
    accuracy: {
      ...{ float: calibrated.floatAccuracy, proven: calibrated.accuracy, rounds },
      ...(start === null ? {} : { start: start.accuracy }),
    },
    headroom: { factor: calibrated.headroom, clippedShare: calibrated.clippedShare },
    encryption,
    proof: priceOf(calibrated.program),
  }
  return { manifest, report }
}

/** @throws VersionError WRONG_START when the file's weights do not fit the architecture */
async function broughtAlong(file: Uint8Array, { spec, sample }: DraftOptions) {
  const named = await startOf(file)
  const model = { ...modelPart(spec), weights: named }
  const weights = await firstWeights({ model, input: sample.input, task: sample.task }, spec, file)
  const trainer = await LocalTrainer.create({ spec })
  try {
    trainer.setWeights(weights)
    return { weights, named, accuracy: (await trainer.evaluate(sample.test)).accuracy }
  } finally {
    trainer.teardown()
  }
}

function provable<T>(body: () => T): T {
  try {
    return body()
  } catch (cause) {
    if (!(cause instanceof CompileError)) throw cause
    throw new VersionError(
      'BAD_MANIFEST',
      `the model cannot be proven: ${cause.message.split('\n')[0]}: choose another architecture`,
      { cause },
    )
  }
}

function encryptionOf(
  terms: RoundTerms,
  { keepers, decryptionsPerEpoch, spec }: DraftOptions,
): DraftReport['encryption'] {
  try {
    const { precision, bytes } = planFor({
      members: keepers,
      threshold: Math.floor(keepers / 2) + 1,
      decryptionsPerKey: decryptionsPerEpoch,
      vectorLength: new Coverage(terms, spec.parameters).updateLength,
      terms,
    })
    return { precisionBits: precision.bits, updateBytes: bytes.update, shareBytes: bytes.decryptionShare }
  } catch (cause) {
    if (!(cause instanceof FheError)) throw cause
    throw new VersionError(
      'BAD_MANIFEST',
      `no parameters of the encryption serve ${keepers} keepers and ${decryptionsPerEpoch} decryptions a key ` +
        `(${cause.message}): allow fewer keepers, or a smaller model`,
      { cause },
    )
  }
}

/** Rounds up to two significant digits. */
function upwards(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1)
  return Number((Math.ceil(value / unit) * unit).toPrecision(2))
}
