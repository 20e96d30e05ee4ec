// SPDX-License-Identifier: GPL-3.0-or-later
// From measured rounds of 4 and 8 keepers to a keeper's processor time for a service of any size, and how that compares with 16.
import { CHAINS, type Costs, meanRound, type ServiceResult, simulateService } from '../../../keepers/sizing/index.ts'
import type { BenchContext, BenchRow } from '../harness.ts'

export type Rows = ReadonlyMap<string, BenchRow>

/** Sizes that the costs come from, and runs that they are compared with. */
const FITTED = [4, 8] as const
const SLICED = 8
const COMPARED = ['4.full', '8.full', '16.full', '8.slices', '16.slices'] as const
/** Processors that others may keep busy where clock is to say something of keepers. */
const QUIET = 0.1

const OPERATIONS = ['encrypt', 'check', 'add', 'share', 'mask', 'combine', 'combineShare'] as const

function figureOf(rows: Rows, metric: string): number {
  const row = rows.get(metric)
  if (row === undefined) throw new Error(`${metric} has not been measured: run npm run bench -- scale`)
  return row.value
}

/** All keepers on this machine, with a chain that makes a block of each transaction: what `runs.ts` measures. */
function simulateHere(keepers: number, slices: boolean, costs: Costs): ServiceResult {
  const long = 3_600
  return simulateService({
    ...{ keepers, slices, costs, rounds: 3, trainingSeconds: 0, pollSeconds: 0.3, decryptionsPerEpoch: 100 },
    network: { delay: 0.02, up: 10e9, down: 10e9, loss: 0 },
    chain: CHAINS.local,
    windows: { training: long, reveal: long, aggregate: long, decrypt: long, vote: long },
    machine: { cores: 2, speed: 1, shared: true },
  })
}

/**
 * Costs of a keeper: those of operations as they were measured by themselves. What a blob takes, and what a round takes in any case (the
 * training of the bench's 500 samples included), follow from the processor time at two sizes; following the chain is that of a keeper that waits.
 */
export function fitCosts(rows: Rows): Costs {
  const operations = Object.fromEntries(
    OPERATIONS.map((name) => [
      name,
      {
        fixed: figureOf(rows, `scale.operation.${name}.fixed`),
        each: figureOf(rows, `scale.operation.${name}.each`),
      },
    ]),
  ) as Pick<Costs, (typeof OPERATIONS)[number]>
  const measured = (keepers: number, what: string) => figureOf(rows, `scale.measured.${keepers}.full.${what}`)
  const follow = Math.min(...FITTED.map((keepers) => measured(keepers, 'waiting')))
  const rest = FITTED.map((keepers) => {
    const busy = measured(keepers, 'processor') - follow * measured(keepers, 'seconds')
    const of = (blob: number, round: number) =>
      meanRound(simulateHere(keepers, false, { ...operations, blob, part: 0, round, follow: 0 })).processor.mean
    const known = of(0, 0)
    return { left: busy - known, blobs: of(1, 0) - known }
  })
  const [small, large] = rest as [(typeof rest)[number], (typeof rest)[number]]
  const blob = Math.max(0, (large.left - small.left) / (large.blobs - small.blobs))
  const round = Math.max(0, small.left - blob * small.blobs)
  const whole = { ...operations, blob, part: 0, round, follow }
  return { ...whole, part: partOf(rows, whole) }
}

/** What a part or a note takes, by the processor time of eight keepers that add up by slices. */
function partOf(rows: Rows, costs: Costs): number {
  const what = (name: string) => rows.get(`scale.measured.${SLICED}.slices.${name}`)?.value
  const [processor, seconds] = [what('processor'), what('seconds')]
  if (processor === undefined || seconds === undefined) return costs.blob
  const of = (part: number) => meanRound(simulateHere(SLICED, true, { ...costs, part, follow: 0 })).processor.mean
  const known = of(0)
  return Math.max(0, (processor - costs.follow * seconds - known) / (of(1) - known))
}

/** Predictions for what was measured here: bytes and processor time always, clock where the machine was quiet. */
export function compare(context: BenchContext, rows: Rows, costs: Costs): void {
  for (const what of ['blob', 'part', 'round', 'follow'] as const) {
    context.record({
      metric: `scale.fit.${what}`,
      value: costs[what],
      unit: 's',
      note: 'processor time, fitted to 4 and 8',
    })
  }
  for (const name of COMPARED) {
    const [keepers, path] = name.split('.') as [string, 'full' | 'slices']
    const measured = (what: string) => rows.get(`scale.measured.${name}.${what}`)?.value
    const processor = measured('processor')
    const [seconds, others, update, share] = ['seconds', 'others', 'fetched.update', 'fetched.share'].map(measured)
    if (processor === undefined || seconds === undefined || update === undefined || share === undefined) continue
    const n = Number(keepers)
    const result = simulateHere(n, path === 'slices', costs)
    const mean = meanRound(result)
    const record = (metric: string, value: number, unit: string, peerValue: number, note?: string): void =>
      context.record({
        ...{ metric: `scale.compared.${name}.${metric}`, value, unit, peer: 'measured', peerValue },
        ...(note === undefined ? {} : { note }),
      })
    if (path === 'full') {
      // What a keeper has itself travels nowhere. A drafted one has its own share.
      const shares = result.threshold * (1 - 1 / n)
      record('fetched.update', (n - 1) * result.messages.update, 'bytes', update)
      record('fetched.share', shares * result.messages.share, 'bytes', share)
      const keys = measured('fetched.key')
      if (keys !== undefined) record('keys', result.messages.keys, 'bytes', keys, 'once an epoch')
    }
    if (path === 'slices') record('fetched', mean.fetched.mean, 'bytes', update + share)
    // Following the chain takes as long as the round took, which on a busy machine is the others' doing.
    const { mean: own } = mean.processor
    record('processor', own + costs.follow * (seconds - mean.seconds), 's', processor, 'of a keeper and round')
    if (others !== undefined && others < QUIET)
      record('seconds', mean.seconds, 's', seconds, 'all keepers on two cores')
    else context.progress(`${name}: clock is not compared, others kept ${others?.toFixed(1) ?? '?'} processors busy`)
  }
}
