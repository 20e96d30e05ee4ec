// SPDX-License-Identifier: GPL-3.0-or-later
// The options of `cohort simulate` as settings of the library. The console offers the same ones, so this file needs no Node.
import type { SimulationSettings } from '../learning/index.ts'

/** Server momentum of --strategy fedavgm: the middle of the values in Hsu et al. 2019. */
const SERVER_MOMENTUM = 0.9
export const STRATEGIES = ['fedavg', 'fedavgm', 'fedprox', 'fedadam', 'fedyogi', 'trimmed-mean', 'median'] as const
export const ATTACKS = ['label-flip', 'sign-flip', 'scaling', 'norm-bust'] as const

/** The options of `cohort simulate` that determine a simulation's figures. */
export type SimulateOptions = {
  readonly keepers: number
  readonly rounds: number
  readonly partition: 'iid' | 'dirichlet' | 'shards'
  readonly alpha: number
  readonly fraction: number
  readonly epochs: number
  readonly batch: number
  readonly optimizer: 'adam' | 'sgd'
  readonly lr: number
  readonly strategy: (typeof STRATEGIES)[number]
  readonly serverLr?: number
  readonly serverClip?: number
  readonly mu: number
  readonly groups?: number
  readonly trim?: number
  readonly layerGroups?: number
  readonly equalWeights?: boolean
  readonly dropOut: number
  readonly poison: number
  readonly attack: (typeof ATTACKS)[number]
  readonly strength: number
  readonly within?: boolean
  readonly bound?: number
  readonly boundCheck: 'none' | 'mean' | 'member'
  readonly dpClip?: number
  readonly dpNoise?: number
  readonly dpDelta: number
  readonly target?: number
  readonly seed: number
}

/** Converts the options to the library's settings. */
export function toSettings(options: SimulateOptions): SimulationSettings {
  const { strategy, lr } = options
  const groups = options.groups ?? Math.max(3, Math.min(10, Math.round(options.keepers * options.fraction)))
  const adaptive = strategy === 'fedadam' || strategy === 'fedyogi'
  return {
    keepers: options.keepers,
    rounds: options.rounds,
    fraction: options.fraction,
    partition:
      options.partition === 'dirichlet' ? { kind: 'dirichlet', alpha: options.alpha } : { kind: options.partition },
    training: {
      epochs: options.epochs,
      batchSize: options.batch,
      optimizer: { kind: options.optimizer, learningRate: lr },
      ...(strategy === 'fedprox' ? { proximalMu: options.mu } : {}),
    },
    weighting: options.equalWeights ? 'equal' : 'samples',
    server: {
      ...(adaptive
        ? { kind: strategy, learningRate: options.serverLr ?? 0.01 }
        : {
            kind: 'fedavg' as const,
            ...(options.serverLr === undefined ? {} : { learningRate: options.serverLr }),
            ...(strategy === 'fedavgm' ? { momentum: SERVER_MOMENTUM } : {}),
          }),
      ...(options.serverClip === undefined ? {} : { clip: options.serverClip }),
    },
    centre:
      strategy === 'trimmed-mean'
        ? { kind: 'trimmed-mean', groups, trim: options.trim ?? Math.max(1, Math.floor(0.3 * groups)) }
        : strategy === 'median'
          ? { kind: 'median', groups }
          : { kind: 'mean' },
    ...(options.layerGroups === undefined ? {} : { layerGroups: options.layerGroups }),
    dropOut: options.dropOut,
    ...(options.poison > 0
      ? {
          poison: {
            share: options.poison,
            attack: options.attack,
            strength: options.strength,
            within: options.within ?? false,
          },
        }
      : {}),
    ...(options.bound === undefined ? {} : { bound: { norm: options.bound, check: options.boundCheck } }),
    ...(options.dpClip === undefined
      ? {}
      : {
          privacy: { clippingNorm: options.dpClip, noiseMultiplier: options.dpNoise ?? 0, delta: options.dpDelta },
        }),
    seed: options.seed,
    ...(options.target === undefined ? {} : { targetAccuracy: options.target }),
  }
}
