// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs in Chromium, from an input to a proof: pages that Vite builds from our sources, with circuit and key loaded.
import { readFile } from 'node:fs/promises'
import { encodeReals, folderPaths, openFolder, randomSalt, witnessInputs } from '../../../keepers/zkml/index.ts'
import { findChromium } from '../../../test/keepers/zkml/prove/browser.ts'
import { type LookupPageResult, lookupPage } from '../../../test/keepers/zkml/prove/lookup-page.ts'
import { runBuiltPage } from '../../../test/keepers/zkml/prove/page.ts'
import type { BenchContext } from '../harness.ts'

const PLAIN = `
import { WitnessProgram } from 'keepers/zkml/circuit/witness.ts'
import { wasmBackend } from 'keepers/zkml/prove/wasm.ts'
const { report } = window as unknown as { report(body: object): Promise<unknown> }
const get = async (name: string) => new Uint8Array(await (await fetch(name)).arrayBuffer())
const job = await (await fetch('job.json')).json()
const inputs = Object.fromEntries(
  Object.entries(job.inputs).map(([name, value]) => [name, Array.isArray(value) ? value.map(BigInt) : BigInt(value as string)]),
)
const program = await WitnessProgram.load(await get('circuit.wasm'))
const prover = await wasmBackend().open(await get('circuit.zkey'))
const proofs: number[] = []
for (let run = 0; run < job.runs; run++) {
  const start = performance.now()
  await prover.prove(program.calculate(inputs))
  proofs.push(performance.now() - start)
}
await prover.close()
await report({ proofs })
`

/**
 * Records `<name>.browser-first` and `<name>.browser-prove` for a plain folder and the same with `-lookup`: the first proof after
 * loading, and the median of the rest. Says so and records nothing where there is no Chromium.
 */
export async function measureBrowser(
  context: BenchContext,
  name: string,
  plainFolder: string,
  sample: ArrayLike<number>,
): Promise<void> {
  const chromium = findChromium()
  if (chromium === null)
    return context.progress(`${name}: no Chromium on the path (COHORT_CHROMIUM), no row of a browser`)
  const runs = context.quick ? 3 : 8
  const { program, options } = await openFolder(plainFolder)
  const { values: input } = encodeReals(program, sample)
  const inputs = witnessInputs(program, { input, context: 1n, salts: { input: randomSalt() } }, options)
  const paths = folderPaths(plainFolder)
  const job = JSON.stringify({ inputs, runs }, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  const [wasm, zkey] = await Promise.all([paths.wasm, paths.zkey].map((path) => readFile(path)))
  const lookup = await lookupPage(`${plainFolder}-lookup`, input, runs)
  for (const [metric, script, files] of [
    [name, PLAIN, { 'job.json': job, 'circuit.wasm': wasm!, 'circuit.zkey': zkey! }],
    [`${name}-lookup`, lookup.script, lookup.files],
  ] as const) {
    context.progress(`${metric}: in Chromium`)
    const { result, codeBytes } = await runBuiltPage(chromium, script, files)
    const [first, ...rest] = (result as Pick<LookupPageResult, 'proofs'>).proofs
    const note = 'from the input to the proof, on threads, without cross-origin isolation'
    context.record({ metric: `zkml.${metric}.browser-first`, value: first!, unit: 'ms', note })
    const median = [...rest].sort((a, b) => a - b)[rest.length >> 1]!
    context.record({ metric: `zkml.${metric}.browser-prove`, value: median, unit: 'ms', note })
    context.record({ metric: `zkml.${metric}.browser-code`, value: codeBytes, unit: 'bytes' })
  }
}
