// SPDX-License-Identifier: GPL-3.0-or-later
// Server steps on the (decrypted) mean of the members' weights. Exactly rounded double arithmetic only, so all members who
// hold the same mean and state compute the same new model.
import { z } from 'zod'
import { LearningError } from '../errors.ts'

const share = z.number().min(0).lt(1)
export const serverSettingsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('fedavg'),
    learningRate: z.number().positive().max(10).optional(),
    momentum: share.optional(),
  }),
  z.strictObject({
    kind: z.enum(['fedadam', 'fedyogi']),
    learningRate: z.number().positive(),
    beta1: share.optional(),
    beta2: share.optional(),
    tau: z.number().positive().optional(),
  }),
])
/**
 * fedavg: adopts the mean (learning rate 1), or moves towards it, with optional server momentum (FedAvgM).
 * fedadam, fedyogi: Reddi et al. 2021, algorithm 2. Client-side FedProx goes with any of them.
 */
export type ServerSettings = z.infer<typeof serverSettingsSchema>

/** First and second moments, one value per parameter (zeros at the start). */
export type ServerState = { readonly round: number; readonly m: Float32Array; readonly v: Float32Array }

/** What a service starts from. `tau` (default 1e-3) enters the second moment as τ². */
export function initialServerState(settings: ServerSettings, parameterCount: number): ServerState {
  const v = new Float32Array(parameterCount)
  if (settings.kind !== 'fedavg') v.fill((settings.tau ?? 1e-3) ** 2)
  return { round: 0, m: new Float32Array(parameterCount), v }
}

/** The new global weights and the new state; the arguments are left alone. Throws BAD_VECTOR or BAD_PARAMETERS. */
export function serverStep(
  settings: ServerSettings,
  global: Float32Array,
  mean: Float32Array,
  state: ServerState,
): { weights: Float32Array<ArrayBuffer>; state: ServerState } {
  const parsed = serverSettingsSchema.safeParse(settings)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError('BAD_PARAMETERS', `server step: ${issue.path.join('.')}: ${issue.message}`)
  }
  const length = global.length
  if (mean.length !== length || state.m.length !== length || state.v.length !== length) {
    throw new LearningError(
      'BAD_VECTOR',
      `server step: ${length} weights, a mean of ${mean.length}, moments of ${state.m.length} and ${state.v.length}`,
    )
  }
  const bad = mean.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw new LearningError('BAD_VECTOR', `server step: value ${bad} of the mean is ${mean[bad]}`)
  const weights = new Float32Array(length)
  const m = new Float32Array(length)
  const v = new Float32Array(length)
  if (settings.kind === 'fedavg') {
    const { learningRate = 1, momentum = 0 } = settings
    for (let i = 0; i < length; i++) {
      m[i] = momentum * state.m[i]! + (mean[i]! - global[i]!)
      // Adopting the mean must be exact, not global + (mean − global).
      weights[i] = learningRate === 1 && momentum === 0 ? mean[i]! : global[i]! + learningRate * m[i]!
    }
    return { weights, state: { round: state.round + 1, m, v } }
  }
  const { learningRate, beta1 = 0.9, beta2 = 0.99, tau = 1e-3 } = settings
  for (let i = 0; i < length; i++) {
    const delta = mean[i]! - global[i]!
    const square = delta * delta
    m[i] = beta1 * state.m[i]! + (1 - beta1) * delta
    v[i] =
      settings.kind === 'fedadam'
        ? beta2 * state.v[i]! + (1 - beta2) * square
        : state.v[i]! - (1 - beta2) * square * Math.sign(state.v[i]! - square)
    weights[i] = global[i]! + (learningRate * m[i]!) / (Math.sqrt(v[i]!) + tau)
  }
  return { weights, state: { round: state.round + 1, m, v } }
}
