// SPDX-License-Identifier: GPL-3.0-or-later
// The soak: many rounds with short phases; memory of every keeper must stay flat and handles must not leak.
import { Cluster } from '../demo/cluster.ts'
import { type Bench, median } from './harness.ts'

type Sample = { readonly memory: number; readonly handles: number }

export const bench: Bench = {
  area: 'soak',
  summary: '10 keepers, 50 rounds (quick: 4, 12): memory and handles per keeper over the last four fifths',
  async run(context) {
    const [keepers, rounds] = context.quick ? [4, 12] : [10, 50]
    const warm = Math.ceil(rounds / 5)
    await using cluster = await Cluster.create({ keepers, values: () => ({ 'data.limit': 60 }) })
    for (const node of cluster.nodes) cluster.start(node)
    const early: Sample[][] = cluster.nodes.map(() => [])
    const late: Sample[][] = cluster.nodes.map(() => [])
    for (let round = 1; round <= rounds; round++) {
      await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 900_000)))
      context.progress(`round ${round} of ${rounds}`)
      // Three rounds at each end, so that one garbage collection does not decide.
      const into = round > warm && round <= warm + 3 ? early : round > rounds - 3 ? late : null
      if (into === null) continue
      for (const [i, node] of cluster.nodes.entries()) into[i]!.push(await sample(node.monitoring))
    }
    const growth = cluster.nodes.map((_, i) => {
      const before = median(early[i]!.map((at) => at.memory))
      return (100 * (median(late[i]!.map((at) => at.memory)) - before)) / before
    })
    const handles = cluster.nodes.map(
      (_, i) => median(late[i]!.map((at) => at.handles)) - median(early[i]!.map((at) => at.handles)),
    )
    context.record({ metric: 'soak.memory.growth', value: Math.max(...growth), unit: 'percent', note: 'worst keeper' })
    context.record({ metric: 'soak.memory.growth.median', value: median(growth), unit: 'percent' })
    context.record({ metric: 'soak.handles.growth', value: Math.max(...handles), unit: 'count', note: 'worst keeper' })
    context.record({ metric: 'soak.memory.perKeeper', value: median(late.map((s) => s.at(-1)!.memory)), unit: 'bytes' })
    const incomplete = (await cluster.events()).filter(
      ({ name }) => name === 'UpdateIncomplete' || name === 'Penalised',
    )
    context.record({
      metric: 'soak.faults',
      value: incomplete.length,
      unit: 'count',
      note: 'lost rounds and penalties',
    })
  },
}

async function sample(monitoring: string): Promise<Sample> {
  const text = await (await fetch(`${monitoring}/metrics`)).text()
  const read = (metric: string): number => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${metric} `))
    return Number(line?.slice(metric.length + 1))
  }
  return { memory: read('process_resident_memory_bytes'), handles: read('nodejs_active_handles_total') }
}
