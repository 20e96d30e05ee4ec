// SPDX-License-Identifier: GPL-3.0-or-later
// Native provers on our own plain key and witness, in the same minutes as ours. Each is where its variable says, and is left out by
// name where it is not set.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import {
  encodeWitnessFile,
  folderPaths,
  InferenceCircuit,
  InferenceProver,
  type ProverBackend,
  rapidsnarkBackend,
  wasmBackend,
} from '../../../keepers/zkml/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'
import { type BenchContext, time, timeBeside } from '../harness.ts'

const run = promisify(execFile)

/** The output of bench/peers/arkworks: seconds. */
const arkworksReport = z.object({ load: z.number(), prove: z.array(z.number()).min(1) })

/**
 * Records `<name>.beside-rapidsnark` and `<name>.beside-arkworks`: our proof of a witness that was computed before, and theirs.
 * rapidsnark starts a process and reads the key for each proof; arkworks and we have it loaded.
 */
export async function measurePeers(
  context: BenchContext,
  name: string,
  folder: string,
  sample: ArrayLike<number>,
): Promise<void> {
  const { COHORT_RAPIDSNARK: rapidsnark, COHORT_ARKWORKS: arkworks } = process.env
  if (rapidsnark === undefined) context.progress('rapidsnark is left out: COHORT_RAPIDSNARK does not name its binary')
  if (arkworks === undefined)
    context.progress('arkworks is left out: COHORT_ARKWORKS does not name bench/peers/arkworks')
  if (rapidsnark === undefined && arkworks === undefined) return
  const { values } = (await InferenceCircuit.open(folder)).witness({ input: sample, context: 1n })
  if (!(values instanceof Uint8Array)) throw new TypeError(`${folder} is not of plain Groth16`)
  const { zkey } = folderPaths(folder)
  const repeat = { runs: context.quick ? 3 : 7, warmup: 2 }
  const open = async (backend: ProverBackend) => {
    const prover = await backend.open(zkey)
    return { prove: () => prover.prove(values), close: () => prover.close() }
  }
  const ours = await open(wasmBackend())
  const metric = `zkml.${name}.beside`
  if (rapidsnark !== undefined) {
    const peer = await open(rapidsnarkBackend(rapidsnark))
    const both = await timeBeside(ours.prove, peer.prove, repeat)
    await peer.close()
    context.record({
      metric: `${metric}-rapidsnark`,
      value: both.ours.median,
      unit: 'ms',
      spread: both.ours.spread,
      peer: 'rapidsnark',
      peerValue: both.peer.median,
      note: 'witness given; rapidsnark reads its key for each proof',
    })
  }
  if (arkworks !== undefined) {
    const scratch = await mkdtemp(join(tmpdir(), 'cohort-arkworks-'))
    try {
      const witness = join(scratch, 'witness.wtns')
      await writeFile(witness, encodeWitnessFile(values), { mode: 0o600 })
      const { stdout } = await run(arkworks, [zkey, witness, String(repeat.runs + repeat.warmup)])
      const seconds = arkworksReport.parse(JSON.parse(stdout)).prove.slice(repeat.warmup)
      const mine = await time(ours.prove, repeat)
      const median = seconds.sort((a, b) => a - b)[seconds.length >> 1]!
      const peer = { peer: 'arkworks 0.4', peerValue: 1000 * median }
      const note = 'witness given, key loaded'
      context.record({
        metric: `${metric}-arkworks`,
        value: mine.median,
        unit: 'ms',
        spread: mine.spread,
        ...peer,
        note,
      })
    } finally {
      await rm(scratch, { recursive: true })
    }
  }
  await ours.close()
}

/** Bits after the point: of those that keep the digits' accuracy, the one with the smallest circuit and the fastest proof. */
const EZKL_SCALE = '7'

/** The output of bench/peers/ezkl: seconds and bytes. */
const ezklReport = z.object({
  version: z.string(),
  logrows: z.number().int(),
  setup: z.number(),
  prove: z.number(),
  keyBytes: z.number(),
  peakBytes: z.number(),
})

/**
 * Records `<name>.beside-ezkl`: our proof with lookups, witness and verification included, and EZKL's of the same network, at the scale
 * that makes its circuit smallest.
 * @param subject.model folder of the tfjs model
 * @param subject.folder of our circuit with lookups, set up
 * @param subject.samples the first is proven, EZKL calibrates on all
 */
export async function measureEzkl(
  context: BenchContext,
  name: string,
  subject: { readonly model: string; readonly folder: string; readonly samples: readonly ArrayLike<number>[] },
): Promise<void> {
  const { COHORT_EZKL: python } = process.env
  if (python === undefined) {
    context.progress('EZKL is left out: COHORT_EZKL does not name a Python that has it (bench/peers/ezkl)')
    return
  }
  if (context.quick) return
  const scratch = await mkdtemp(join(tmpdir(), 'cohort-ezkl-'))
  try {
    const samples = join(scratch, 'samples.json')
    await writeFile(samples, JSON.stringify(subject.samples.map((sample) => Array.from(sample))))
    context.progress(`${name} by EZKL: minutes, and gigabytes of memory`)
    const script = join(ROOT, 'bench/peers/ezkl/prove.py')
    const { stdout } = await run(python, [script, subject.model, samples, EZKL_SCALE], { maxBuffer: 1 << 26 })
    const theirs = ezklReport.parse(JSON.parse(stdout.trim().split('\n').at(-1)!))
    const prover = await InferenceProver.open(subject.folder)
    const ours = await time(() => prover.prove({ input: subject.samples[0]!, context: 1n }), { runs: 7, warmup: 2 })
    await prover.close()
    const size = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
    context.record({
      metric: `zkml.${name}.beside-ezkl`,
      value: ours.median,
      unit: 'ms',
      spread: ours.spread,
      peer: `EZKL ${theirs.version}, k = ${theirs.logrows}`,
      peerValue: 1000 * theirs.prove,
      note: `EZKL: set-up ${theirs.setup.toFixed(0)} s, key ${size(theirs.keyBytes)}, memory ${size(theirs.peakBytes)}, key read for the proof`,
    })
  } finally {
    await rm(scratch, { recursive: true })
  }
}
