// SPDX-License-Identifier: GPL-3.0-or-later
// What attested samples cost: constraints, key, proof, by the number of samples that one proof takes.
//
//   data-market.attested.<samples>.{constraints,per-sample,compile,setup,prove,key,proof}     processor seconds; bytes
//   data-market.eddsa.constraints                                                             one signature alone
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import instances from '../../circuits/instances.json' with { type: 'json' }
import { DeviceTree, makeSensorCircuit, proveSamples, signSample } from '../../keepers/apps/sensors/index.ts'
import { eddsaPublicKey, PROOF_BYTES } from '../../keepers/zkml/index.ts'
import type { Bench } from './harness.ts'

const SIZES = [8, 16, 32]
const DEPTH = 8

export const bench: Bench = {
  area: 'data-market',
  summary: 'samples that devices signed: constraints, key and proof by their number',
  async run(context) {
    const one = instances['eddsa-poseidon'].constraints
    context.record({ metric: 'data-market.eddsa.constraints', value: one, unit: 'constraints' })
    const folder = await mkdtemp(join(tmpdir(), 'cohort-bench-sensors-'))
    try {
      for (const samples of context.quick ? SIZES.slice(0, 1) : SIZES) {
        context.progress(`${samples} samples`)
        const at = join(folder, String(samples))
        const record = (what: string, value: number, unit: string) =>
          context.record({ metric: `data-market.attested.${samples}.${what}`, value, unit })
        const stages: [string, number][] = []
        const made = await makeSensorCircuit(
          at,
          { samples, depth: DEPTH },
          { onStage: (stage) => stages.push([stage, used()]) },
        )
        const end = used()
        record('constraints', made.constraints, 'constraints')
        record('per-sample', made.constraints / samples, 'constraints')
        record('compile', stages[1]![1] - stages[0]![1], 's')
        record('setup', end - stages[1]![1], 's')
        record('key', (await stat(join(at, 'attested.zkey'))).size, 'bytes')
        const seed = new Uint8Array(32).fill(7)
        const tree = new DeviceTree([eddsaPublicKey(seed)], DEPTH)
        const signed = Array.from({ length: samples }, (_, i) =>
          signSample(seed, { counter: 60_000 * i, value: 200 + i }),
        )
        const before = used()
        await proveSamples(at, { tree, device: 0, samples: signed, salt: 1n, context: 2n })
        record('prove', used() - before, 's')
        record('proof', PROOF_BYTES + 4 * 32, 'bytes')
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

/** Processor seconds of this process so far. */
function used(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
