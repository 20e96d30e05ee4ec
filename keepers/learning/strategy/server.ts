// SPDX-License-Identifier: GPL-3.0-or-later
// Server steps on the (decrypted) mean of the members' updates. Only operations that IEEE 754 rounds exactly (+ − × ÷ √), in
// index order, each result rounded to Float32 once: members with the same mean and state compute the same bits.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { normOf } from './bound.ts'

const share = z.number().min(0).lt(1)
/** Scale the mean update down to this Euclidean norm before the step, if it is longer. */
const clip = z.number().positive().optional()
export const serverSettingsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('fedavg'),
    learningRate: z.number().positive().max(10).optional(),
    momentum: share.optional(),
    clip,
  }),
  z.strictObject({
    kind: z.enum(['fedadam', 'fedyogi']),
    learningRate: z.number().positive(),
    beta1: share.optional(),
    beta2: share.optional(),
    tau: z.number().positive().optional(),
    clip,
  }),
])
/**
 * fedavg: adopts the mean (learning rate 1), or moves towards it, with optional server momentum (FedAvgM, Hsu et al. 2019).
 * fedadam, fedyogi: Reddi et al. 2021, algorithm 2. Client-side FedProx goes with any of them.
 */
export type ServerSettings = z.infer<typeof serverSettingsSchema>

/** First and second moments, one value per parameter (zeros at the start). */
export type ServerState = { readonly round: number; readonly m: Float32Array; readonly v: Float32Array }

type Stepped = { weights: Float32Array<ArrayBuffer>; state: ServerState }

/** How many of the moments `m`, `v` (in this order) a strategy remembers. A member needs them besides the weights to continue. */
export function momentCount(settings: ServerSettings): 0 | 1 | 2 {
  if (settings.kind !== 'fedavg') return 2
  return (settings.momentum ?? 0) === 0 ? 0 : 1
}

/** The state in which a service starts. `tau` (default 1e-3) enters the second moment as τ². */
export function initialServerState(settings: ServerSettings, parameterCount: number): ServerState {
  const v = new Float32Array(parameterCount)
  const tau = settings.kind === 'fedavg' ? 0 : (settings.tau ?? 1e-3)
  return { round: 0, m: new Float32Array(parameterCount), v: v.fill(tau * tau) }
}

/**
 * The step from the mean of the members' WEIGHTS: the new global weights and the new state; the arguments are left alone.
 * Throws BAD_VECTOR or BAD_PARAMETERS.
 */
export function serverStep(
  settings: ServerSettings,
  global: Float32Array,
  mean: Float32Array,
  state: ServerState,
): Stepped {
  if (mean.length !== global.length) throw lengths(global, mean, state)
  const update = Float64Array.from(mean, (value, i) => value - global[i]!)
  const stepped = serverStepFrom(settings, global, update, state)
  // Adopting the mean must be exact, not global + (mean − global).
  const adopts = momentCount(settings) === 0 && (settings.learningRate ?? 1) === 1 && shrink(settings, update) === 1
  return adopts ? { ...stepped, weights: Float32Array.from(mean) } : stepped
}

/**
 * Like `serverStep`, but takes the mean of the members' UPDATES (weights minus global weights), as decryption yields it. For settings that
 * remember nothing the moments may be empty; then they stay so, which spares a large model two vectors of its length.
 */
export function serverStepFrom(
  settings: ServerSettings,
  global: Float32Array,
  update: Float32Array | Float64Array,
  state: ServerState,
): Stepped {
  const parsed = serverSettingsSchema.safeParse(settings)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError('BAD_PARAMETERS', `server step: ${issue.path.join('.')}: ${issue.message}`)
  }
  const { length } = global
  const forgets = momentCount(settings) === 0 && state.m.length === 0 && state.v.length === 0
  if (update.length !== length || (!forgets && (state.m.length !== length || state.v.length !== length))) {
    throw lengths(global, update, state)
  }
  const bad = update.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw new LearningError('BAD_VECTOR', `server step: value ${bad} of the mean is ${update[bad]}`)
  const factor = shrink(settings, update)
  const weights = new Float32Array(length)
  const m = new Float32Array(state.m.length)
  const v = new Float32Array(state.v.length)
  const next = { weights, state: { round: state.round + 1, m, v } }
  if (settings.kind === 'fedavg') {
    const { learningRate = 1, momentum = 0 } = settings
    for (let i = 0; i < length; i++) {
      const moved = (forgets ? 0 : momentum * state.m[i]!) + factor * update[i]!
      if (!forgets) m[i] = moved
      weights[i] = global[i]! + learningRate * (momentum === 0 ? moved : m[i]!)
    }
    return next
  }
  const { learningRate, beta1 = 0.9, beta2 = 0.99, tau = 1e-3 } = settings
  for (let i = 0; i < length; i++) {
    const delta = factor * update[i]!
    const square = delta * delta
    m[i] = beta1 * state.m[i]! + (1 - beta1) * delta
    v[i] =
      settings.kind === 'fedadam'
        ? beta2 * state.v[i]! + (1 - beta2) * square
        : state.v[i]! - (1 - beta2) * square * Math.sign(state.v[i]! - square)
    weights[i] = global[i]! + (learningRate * m[i]!) / (Math.sqrt(v[i]!) + tau)
  }
  return next
}

/** The factor that scales the mean update to the strategy's `clip`; 1 when it fits. */
function shrink({ clip }: ServerSettings, update: Float32Array | Float64Array): number {
  if (clip === undefined) return 1
  const norm = normOf(update)
  return norm > clip ? clip / norm : 1
}

function lengths(global: Float32Array, mean: Float32Array | Float64Array, { m, v }: ServerState): LearningError {
  return new LearningError(
    'BAD_VECTOR',
    `server step: ${global.length} weights, a mean of ${mean.length}, moments of ${m.length} and ${v.length}`,
  )
}
