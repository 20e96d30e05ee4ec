// SPDX-License-Identifier: GPL-3.0-or-later
// What a page does with a circuit with lookups: it gets the key, proves several times, verifies. The bench times the same page.
import { readFile } from 'node:fs/promises'
import { openFolder, programToJson, randomSalt, witnessInputs } from '../../../../keepers/zkml/index.ts'
import { folderPaths } from '../../../../keepers/zkml/inference/manifest.ts'
import { readKeyMetadata } from '../../../../keepers/zkml/setup/metadata.ts'

export type LookupPageResult = {
  readonly isolated: boolean
  /** How each call got the key: fetches made, pieces reported, the last report, and whether the cache had it. */
  readonly downloads: readonly {
    readonly fetches: number
    readonly pieces: number
    readonly last: { readonly loaded: number; readonly total: number | null } | null
    readonly fromCache: boolean
  }[]
  /** The message that a wrong hash met, and whether the key was fetched anew after it. */
  readonly refused: string
  readonly again: boolean
  /** Milliseconds from the input to the proof, witness included. */
  readonly proofs: readonly number[]
  readonly verified: readonly boolean[]
  readonly proof: unknown
  readonly publicSignals: readonly string[]
}

const SCRIPT = `
import { programFromJson } from 'keepers/zkml/graph/serialise.ts'
import { LookupCircuit } from 'keepers/zkml/lookup/circuit.ts'
import { downloadKey } from 'keepers/zkml/prove/key-download.ts'
import { twoRoundProofToJson } from 'keepers/zkml/prove/two-round-proof.ts'
import { parseTwoRoundKey, verifyTwoRound } from 'keepers/zkml/prove/two-round-verify.ts'
import { openTwoRound } from 'keepers/zkml/prove/two-round.ts'
const { report } = window as unknown as { report(body: object): Promise<unknown> }
const json = async (name: string) => (await fetch(name)).json()
const job = await json('job.json')
const url = new URL('circuit.zkey', location.href)
const fetched = window.fetch
let fetches = 0
window.fetch = (...args) => {
  fetches++
  return fetched(...args)
}
const downloads: object[] = []
const get = async (sha256: string) => {
  fetches = 0
  let [pieces, last] = [0, null as object | null]
  const onProgress = (progress: object) => {
    pieces++
    last = progress
  }
  const { bytes, fromCache } = await downloadKey(url, { sha256, onProgress })
  downloads.push({ fetches, pieces, last, fromCache })
  return bytes
}
await get(job.sha256)
const key = await get(job.sha256)
const other = '0x' + '0'.repeat(64)
const refused = await downloadKey(url, { sha256: other }).then(() => 'nothing', (error: Error) => error.message)
await get(job.sha256)
const again = !(downloads[2] as { fromCache: boolean }).fromCache
const { modelSalt, ...options } = job.options
const salted = modelSalt === undefined ? options : { ...options, modelSalt: BigInt(modelSalt) }
const circuit = new LookupCircuit(programFromJson(await (await fetched('program.json')).text()), salted)
const inputs = Object.fromEntries(
  Object.entries(job.inputs).map(([name, value]) => [name, Array.isArray(value) ? value.map(BigInt) : BigInt(value as string)]),
)
const vkey = parseTwoRoundKey(await json('key.json'))
const prover = await openTwoRound(key)
const proofs: number[] = []
const verified: boolean[] = []
let made
for (let run = 0; run < job.runs; run++) {
  const start = performance.now()
  made = await prover.prove(circuit.witness(inputs))
  proofs.push(performance.now() - start)
  verified.push(await verifyTwoRound(vkey, made.proof, made.publicSignals))
}
await prover.close()
await report({
  isolated: crossOriginIsolated,
  ...{ downloads, refused, again, proofs, verified },
  ...{ proof: twoRoundProofToJson(made!.proof), publicSignals: made!.publicSignals.map(String) },
})
`

/** Script and files of the page that proves an input, as integers, in a folder's circuit so many times. */
export async function lookupPage(folder: string, input: ArrayLike<number>, runs: number) {
  const { program, options } = await openFolder(folder)
  const paths = folderPaths(folder)
  const inputs = witnessInputs(program, { input, context: 42n, salts: { input: randomSalt() } }, options)
  const { zkeySha256: sha256 } = await readKeyMetadata(paths.zkey)
  const job = { inputs, options, sha256, runs }
  const files = {
    'job.json': JSON.stringify(job, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    'program.json': programToJson(program),
    'circuit.zkey': await readFile(paths.zkey),
    'key.json': await readFile(paths.verificationKey),
  }
  return { script: SCRIPT, files }
}
