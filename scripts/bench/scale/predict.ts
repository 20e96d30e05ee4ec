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

export function predict(context: BenchContext, costs: Costs): void {
  for (const { name, keepers, services } of context.quick ? SIZES.slice(0, 1) : SIZES) {
    for (const network of ['datacentre', 'fibre', 'poor'] as const) {
      for (const chain of ['second', 'ethereum', 'l2'] as const) {
        for (const path of ['full', 'slices'] as const) {
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
