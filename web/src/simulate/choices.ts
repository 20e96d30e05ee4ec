// SPDX-License-Identifier: GPL-3.0-or-later
// What a visitor may choose of a simulation, as the options of `cohort simulate`: the same numbers give the same curve there.
import { ATTACKS, type SimulateOptions, STRATEGIES } from '../../../keepers/cli/simulate-settings.ts'

export { ATTACKS, STRATEGIES }

export const MODELS = ['logistic', 'small-cnn', 'mlp', 'article-cnn'] as const
export const PARTITIONS = ['iid', 'shards', 'dirichlet'] as const

export type Choices = SimulateOptions & {
  readonly model: (typeof MODELS)[number]
  /** Training samples of the digits, from the first. */
  readonly limit: number
}

/** New values; an optional one that is undefined is taken away. */
export type ChoiceChange = { readonly [name in keyof Choices]?: Choices[name] | undefined }

export function changed(choices: Choices, change: ChoiceChange): Choices {
  const kept = Object.entries({ ...choices, ...change }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(kept) as Choices
}

/** The command's own defaults, but for a smaller network and fewer samples and rounds: a page shows something within seconds. */
export const USUAL: Choices = {
  ...{ model: 'logistic', limit: 1000, keepers: 10, rounds: 15, partition: 'iid', alpha: 0.5, fraction: 1 },
  ...{ epochs: 1, batch: 10, optimizer: 'sgd', lr: 0.1, strategy: 'fedavg', mu: 0.01, dropOut: 0 },
  ...{ poison: 0, attack: 'sign-flip', strength: 4, boundCheck: 'member', dpDelta: 1e-5, seed: 1 },
}

/** Options whose value the command leaves out when it is its own default. */
const DEFAULTS: Partial<Record<keyof Choices, string | number>> = {
  ...{
    partition: 'iid',
    fraction: 1,
    epochs: 1,
    batch: 10,
    lr: 0.1,
    strategy: 'fedavg',
    dropOut: 0,
    poison: 0,
    seed: 1,
  },
}

/** The command that gives the same curve on digits. */
export function commandOf(choices: Choices): string {
  const flag = (name: keyof Choices): string => {
    const value = choices[name]
    if (value === undefined || value === DEFAULTS[name]) return ''
    return ` --${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${String(value)}`
  }
  const always: (keyof Choices)[] = ['model', 'limit', 'keepers', 'rounds', 'partition']
  const more: (keyof Choices)[] = ['fraction', 'epochs', 'batch', 'lr', 'strategy', 'dropOut', 'poison', 'seed']
  return [
    'npx cohort simulate --digits',
    ...always.map(flag),
    choices.partition === 'dirichlet' ? flag('alpha') : '',
    ...more.map(flag),
    choices.strategy === 'fedprox' ? flag('mu') : '',
    choices.poison > 0 ? flag('attack') + flag('strength') : '',
    choices.bound === undefined ? '' : flag('bound') + flag('boundCheck'),
  ].join('')
}

/** Keepers that the settings make bad. */
export function badKeepers({ keepers, poison }: Pick<Choices, 'keepers' | 'poison'>): number {
  return Math.floor(keepers * poison)
}

/** A choice that cannot be, in words that name it. */
export class ChoiceError extends Error {
  override readonly name = 'ChoiceError'
}

/** Bytes that a simulation keeps at once: a copy of the samples for each thread, the weights of each keeper on their way. */
export function memoryOf(need: {
  readonly sampleBytes: number
  readonly threads: number
  readonly keepers: number
  readonly parameters: number
}): number {
  const { sampleBytes, threads, keepers, parameters } = need
  // Sent, received, as a difference, and as doubles while they are summed.
  const COPIES = 5
  return sampleBytes * (threads + 2) + keepers * parameters * 4 * COPIES
}

/** Share of a device's memory that a page may hope for, and what is assumed of a device that does not say. */
const SHARE_OF_DEVICE = 0.25
const ASSUMED_GIB = 4

/** @param deviceMemory in GiB, as Chromium says it; others say nothing @throws ChoiceError saying what would take less */
export function requireMemory(bytes: number, deviceMemory = ASSUMED_GIB): void {
  if (bytes <= deviceMemory * 2 ** 30 * SHARE_OF_DEVICE) return
  throw new ChoiceError(
    `this simulation needs about ${(bytes / 2 ** 30).toFixed(1)} GiB, a page can expect ${(deviceMemory * SHARE_OF_DEVICE).toFixed(1)}: ` +
      'choose fewer keepers, fewer samples or a smaller network, or use `cohort simulate`',
  )
}
