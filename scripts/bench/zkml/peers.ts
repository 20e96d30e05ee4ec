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
  type ProverBackend,
  rapidsnarkBackend,
  wasmBackend,
} from '../../../keepers/zkml/index.ts'
import { type BenchContext, time, timeBeside } from '../harness.ts'

const run = promisify(execFile)

/** What bench/peers/arkworks prints: seconds. */
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
