// SPDX-License-Identifier: GPL-3.0-or-later
// What services of 64, 256 and 1,024 keepers take. A service has 256 seats: 1,024 keepers are four services, at the same step on one chain.
import { CHAINS, type Costs, meanRound, NETWORKS, simulateService, WINDOWS } from '../../../keepers/sizing/index.ts'
import type { BenchContext } from '../harness.ts'

const SIZES = [
  { name: '64', keepers: 64, services: 1 },
  { name: '256', keepers: 256, services: 1 },
  { name: '1024', keepers: 256, services: 4 },
] as const
const ON = { second: WINDOWS['op-stack'], ethereum: WINDOWS.sepolia, l2: WINDOWS['op-stack'] } as const

const NAMES = ['datacentre', 'fibre', 'poor'] as const
const CHAIN_NAMES = ['second', 'ethereum', 'l2'] as const
const PATHS = ['full', 'slices'] as const

/** All of a list, or those that the command names. */
const named = <T extends string>(list: readonly T[], args: readonly string[]): readonly T[] => {
  const found = list.filter((name) => args.includes(name))
  return found.length > 0 ? found : list
}

/** The predictions, or those of the sizes, networks, chains and paths that the command names, such as `predict 256 poor`. */
export function predict(context: BenchContext, costs: Costs): void {
  const { args } = context
  const sizes = named(
    SIZES.map(({ name }) => name),
    args,
  )
  for (const { name, keepers, services } of context.quick ? SIZES.slice(0, 1) : SIZES) {
    if (!sizes.includes(name)) continue
    for (const network of named(NAMES, args)) {
      for (const chain of named(CHAIN_NAMES, args)) {
        for (const path of named(PATHS, args)) {
          const subject = `${name}.${network}.${chain}.${path}`
          context.progress(subject)
          const result = simulateService({
            ...{ keepers, rounds: 1, slices: path === 'slices', costs, trainingSeconds: 0 },
            network: NETWORKS[network],
            chain: { ...CHAINS[chain], services },
            windows: ON[chain],
          })
          const mean = meanRound(result)
          const lost = mean.lost === 0 ? '' : ', and nothing came of it'
          const parts = Object.entries(mean.spent)
            .sort(([, a], [, b]) => b - a)
            .slice(0, 2)
            .map(([what, seconds]) => `${what} ${((100 * seconds) / mean.seconds).toFixed(0)} %`)
          const record = (what: string, value: number, unit: string, note?: string): void =>
            context.record({
              ...{ metric: `scale.predicted.${subject}.${what}`, value, unit },
              ...(note === undefined ? {} : { note }),
            })
          record('seconds', mean.seconds, 's', `bound by ${parts.join(', ')}${lost}; training left out`)
          record(
            'fetched',
            mean.fetched.mean,
            'bytes',
            `a keeper and round; sliced ${(100 * mean.sliced).toFixed(0)} %`,
          )
          record('processor', mean.processor.mean, 's', 'a keeper and round, training left out')
          record('gas', mean.gas.mean, 'gas', 'a keeper and round')
          record('round-gas', services * mean.roundGas, 'gas')
          if (network === 'datacentre' && chain === 'second')
            record('keys', result.messages.keys, 'bytes', 'once an epoch')
        }
      }
    }
  }
}
