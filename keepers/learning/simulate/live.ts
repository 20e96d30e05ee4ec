// SPDX-License-Identifier: GPL-3.0-or-later
// Which of a simulation's settings a live service would use, where they would stand there, and which it has nothing like.
import type { StrategyTerms } from '../strategy/module.ts'
import type { SimulationConfig } from './config.ts'

export type LiveSettings = {
  /** Keys of the service's manifest. */
  readonly manifest: Readonly<Record<string, unknown>>
  /** Keys of each keeper's keeper.yaml. */
  readonly keeper: Readonly<Record<string, unknown>>
  /** Settings without a counterpart, and the behaviour of a real service. */
  readonly without: readonly string[]
}

/** The defaults of a manifest. */
const USUAL_MOST = 60_000

/** @param strategy the module in place of `config.server`, if there is one */
export function liveSettings(config: SimulationConfig, strategy?: StrategyTerms): LiveSettings {
  const { training, server, centre, bound, privacy, schedule, trainer } = config
  const { optimizer } = training
  const manifest: Record<string, unknown> = {}
  const without: string[] = []
  if (strategy !== undefined) manifest.strategy = strategy
  else if (!isAdoption(server)) manifest['rounds.strategy'] = server
  if (bound !== undefined) {
    manifest['rounds.clipNorm'] = bound.norm
    if (bound.check !== 'member')
      without.push(`bound.check ${bound.check}: each update is proven to be within clipNorm, and the mean is checked`)
  }
  const { layerGroups } = config
  if (layerGroups !== undefined) {
    manifest['rounds.layerGroups'] =
      typeof layerGroups === 'number' ? `those of \`cohort service new --layer-groups ${layerGroups}\`` : layerGroups
  }
  if (config.maxSamples !== USUAL_MOST) manifest['rounds.maxSamples'] = config.maxSamples
  if (privacy !== undefined) {
    const { clippingNorm, noiseMultiplier, delta } = privacy
    manifest['rounds.clipNorm'] ??= clippingNorm
    manifest['rounds.privacy'] = {
      noiseMultiplier,
      contributors: Math.max(1, Math.round(config.keepers * config.fraction)),
      delta,
    }
    if (bound !== undefined && bound.norm !== clippingNorm)
      without.push('bound.norm beside privacy.clippingNorm: clipNorm is both')
  }
  const keeper: Record<string, unknown> = {
    'training.epochs': training.epochs,
    'training.batchSize': training.batchSize,
    'training.optimizer': optimizer.kind,
    'training.learningRate': optimizer.learningRate,
    ...(training.proximalMu === undefined ? {} : { 'training.proximalMu': training.proximalMu }),
    ...(config.seeds === undefined ? {} : { 'training.seed': config.seeds }),
    ...(schedule?.kind === 'exponential' ? { 'training.decay': schedule.factor } : {}),
    ...(trainer === undefined
      ? {}
      : {
          'training.command': trainer.command,
          'training.limits': trainer.limits,
          'training.environment': trainer.environment,
        }),
  }
  if (schedule !== undefined && schedule.kind !== 'exponential') {
    without.push(
      `schedule ${schedule.kind}: a keeper has training.decay (exponential); a training.command is told the round`,
    )
  }
  for (const key of ['momentum', 'nesterov', 'beta1', 'beta2', 'epsilon'] as const) {
    if (key in optimizer)
      without.push(
        `training.optimizer.${key}: a keeper's optimiser has its usual values; a training.command can have others`,
      )
  }
  for (const key of ['clipGradientNorm', 'weightDecay'] as const) {
    if (training[key] !== undefined)
      without.push(`training.${key}: not a setting of keepers; a training.command can have it`)
  }
  if (centre.kind !== 'mean')
    without.push(
      `centre ${centre.kind}: members decrypt one mean over all; proofs of shortness bound each update instead`,
    )
  if (config.fraction < 1) without.push('fraction: every member of an epoch takes part in each of its rounds')
  if (config.weighting === 'equal' && privacy === undefined && strategy === undefined) {
    without.push(
      'weighting equal: keepers weigh by samples, up to rounds.maxSamples; privacy, or a strategy with `weight`, has them weigh alike',
    )
  }
  if (config.empty !== undefined || (config.partition.kind === 'sizes' && config.partition.sizes.includes(0))) {
    keeper['data.source'] = 'none, of those without samples'
  }
  if (config.partial !== undefined)
    keeper['training.layerGroups'] = `[${config.partial.groups}], of those with little memory`
  if (config.patience !== undefined || config.targetAccuracy !== undefined)
    without.push('patience, targetAccuracy: a service goes on until its DAO stops it')
  return { manifest, keeper, without }
}

/** Whether the strategy is the default of a manifest: to add the mean. */
function isAdoption(server: SimulationConfig['server']): boolean {
  return (
    server.kind === 'fedavg' &&
    (server.momentum ?? 0) === 0 &&
    (server.learningRate ?? 1) === 1 &&
    server.clip === undefined
  )
}
