// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of a circuit for a network that reads committed bytes: of stories, of spends.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CircuitOptions,
  compileFolder,
  folderPaths,
  InferenceProver,
  type InferenceRequest,
  type IntegerProgram,
  programCost,
  setupFolder,
} from '../../../keepers/zkml/index.ts'
import { type BenchContext, time } from '../harness.ts'

export type MeasuredCircuit = {
  readonly shown: CircuitOptions
  readonly input: Uint8Array
  /** The additional inputs of a prover of a `signed` input. */
  readonly opened?: Pick<InferenceRequest, 'salts' | 'signed'>
}

/**
 * Compiles, sets up and proves in a folder of its own; records `<name>.{hash,compile,setup,key,load,constraints,
 * witness,prove}`. Then `use`, with the prover still open.
 */
export async function measureCircuit(
  context: BenchContext,
  name: string,
  program: IntegerProgram,
  { shown, input, opened = {} }: MeasuredCircuit,
  use: (prover: InferenceProver) => Promise<void> = async () => undefined,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `cohort-${name}-bench-`))
  const metric = (what: string) => `${name}.${what}`
  const once = async (body: () => Promise<unknown>) => (await time(body, { warmup: 0, runs: 1 })).median / 1000
  try {
    const cost = programCost(program, shown).input
    context.record({
      metric: metric(shown.input === 'signed' ? 'signature' : 'hash'),
      value: cost.quadratic + cost.linear,
      unit: 'constraints',
    })
    context.progress('compiling')
    const compile = await once(() => compileFolder({ folder, program, options: shown }))
    context.record({ metric: metric('compile'), value: compile, unit: 's' })
    context.progress('local set-up')
    context.record({ metric: metric('setup'), value: await once(() => setupFolder(folder)), unit: 's' })
    const { size } = await stat(folderPaths(folder).zkey)
    context.record({ metric: metric('key'), value: size, unit: 'bytes' })
    let prover: InferenceProver | undefined
    const load = await once(async () => {
      prover = await InferenceProver.open(folder)
    })
    context.record({ metric: metric('load'), value: load, unit: 's' })
    try {
      const { circuit } = prover!
      const { constraints } = circuit.folder.manifest
      context.record({ metric: metric('constraints'), value: constraints, unit: 'constraints' })
      const request = { input, integers: true, context: 1n, ...opened }
      const runs = context.quick ? 2 : 5
      const witness = await time(() => circuit.witness(request), { runs })
      context.record({ metric: metric('witness'), value: witness.median, spread: witness.spread, unit: 'ms' })
      const prove = await time(() => prover!.prove(request), { runs })
      context.record({
        metric: metric('prove'),
        value: prove.median / 1000,
        spread: prove.spread / 1000,
        unit: 's',
        note: 'witness and a check of the proof included',
      })
      await use(prover!)
    } finally {
      await prover!.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
