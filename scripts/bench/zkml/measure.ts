// SPDX-License-Identifier: GPL-3.0-or-later
// One network through every stage, each timed; memory is measured in a separate process.
import { execFile } from 'node:child_process'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  compileFolder,
  encodeVerifyCalldata,
  exportVerifier,
  folderPaths,
  type Graph,
  InferenceProver,
  type IntegerProgram,
  importModelFile,
  type Plan,
  PROOF_BYTES,
  planToJson,
  setupFolder,
  snarkjsBackend,
  verifyProof,
} from '../../../keepers/zkml/index.ts'
import { nodeFlags } from '../../bootstrap/flags.mjs'
import { ROOT } from '../../bootstrap/paths.mjs'
import { compile } from '../../solc.ts'
import { type BenchContext, time, timeBeside } from '../harness.ts'
import { CACHE } from './networks.ts'

const run = promisify(execFile)

const LARGE = 100_000

export type Quantised = { readonly program: IntegerProgram; readonly plan: Plan }

/** Records `zkml.<name>.<what>` for every stage. Returns the folder of the circuit for plain Groth16; with lookups, `-lookup` follows. */
export async function measureNetwork(
  context: BenchContext,
  name: string,
  modelFolder: string,
  quantise: (graph: Graph) => Quantised | Promise<Quantised>,
  sample: ArrayLike<number>,
): Promise<string> {
  const record = (
    what: string,
    value: number,
    unit: string,
    rest: { spread?: number; note?: string; peer?: string; peerValue?: number } = {},
  ) => context.record({ metric: `zkml.${name}.${what}`, value, unit, ...rest })
  const model = join(modelFolder, 'model.json')
  const imported = await time(() => importModelFile(model), { runs: context.quick ? 3 : 7 })
  record('import', imported.median, 'ms', { spread: imported.spread })
  context.progress(`${name}: quantising`)
  const { program, plan } = await quantise(await importModelFile(model))

  const folder = join(CACHE, 'folders', name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  context.progress(`${name}: compiling`)
  const [compiled, compileSeconds] = await seconds(() => compileFolder({ folder, program, plan: planToJson(plan) }))
  record('constraints', compiled.manifest.constraints, 'constraints')
  record('compile', compileSeconds, 's')
  context.progress(`${name}: set-up of ${compiled.manifest.constraints.toLocaleString('en-US')} constraints`)
  const [, setupSeconds] = await seconds(() => setupFolder(folder))
  record('setup', setupSeconds, 's')
  record('key', (await stat(folderPaths(folder).zkey)).size, 'bytes')

  // A circuit this large says enough in one run.
  const runs = compiled.manifest.constraints > LARGE ? 1 : context.quick ? 3 : 7
  const repeat = { runs, warmup: runs === 1 ? 0 : 1 }
  context.progress(`${name}: proving`)
  const request = { input: sample, context: 1n }
  const ours = await InferenceProver.open(folder)
  const peer = await InferenceProver.open(folder, { backend: snarkjsBackend })
  const witness = await time(() => ours.circuit.witness(request), repeat)
  record('witness', witness.median, 'ms', { spread: witness.spread })
  const proving = await timeBeside(
    () => ours.prove(request),
    () => peer.prove(request),
    repeat,
  )
  record('prove', proving.ours.median, 'ms', {
    spread: proving.ours.spread,
    peer: 'snarkjs 0.7.6',
    peerValue: proving.peer.median,
    note: 'witness and verification included, key loaded',
  })
  const { proof, publicSignals } = await ours.prove(request)
  const verified = await time(() => verifyProof(ours.key, proof, publicSignals), repeat)
  record('verify', verified.median, 'ms', { spread: verified.spread })
  record('proof', PROOF_BYTES, 'bytes')
  await ours.close()
  await peer.close()

  const source = exportVerifier(ours.key, { name: 'Verifier', setupKind: 'local' })
  record('verify-transaction', await transactionGas(source, encodeVerifyCalldata(proof, publicSignals)), 'gas', {
    peer: "snarkjs' template (published)",
    peerValue: 235_464,
  })
  record('peak-memory', await peakMemory(folder, sample), 'bytes', {
    note: 'a process that loads the key and proves once',
  })
  await measureLookups(context, name, program, folder, sample)
  return folder
}

/**
 * The same program in a circuit with lookups, beside plain Groth16's folder that measureNetwork has left: `zkml.<name>-lookup.<what>`. Proving is
 * timed beside our own plain prover, in the same minutes.
 */
async function measureLookups(
  context: BenchContext,
  name: string,
  program: IntegerProgram,
  plainFolder: string,
  sample: ArrayLike<number>,
): Promise<void> {
  const record = (
    what: string,
    value: number,
    unit: string,
    rest: { spread?: number; note?: string; peer?: string; peerValue?: number } = {},
  ) => context.record({ metric: `zkml.${name}-lookup.${what}`, value, unit, ...rest })
  const folder = `${plainFolder}-lookup`
  await rm(folder, { recursive: true, force: true })
  context.progress(`${name}: the circuit with lookups`)
  const [compiled, compileSeconds] = await seconds(() => compileFolder({ folder, program, system: 'groth16-lookup' }))
  record('constraints', compiled.manifest.constraints, 'constraints')
  record('compile', compileSeconds, 's')
  const [, setupSeconds] = await seconds(() => setupFolder(folder))
  record('setup', setupSeconds, 's')
  record('key', (await stat(folderPaths(folder).zkey)).size, 'bytes')
  const runs = compiled.manifest.constraints > LARGE ? 1 : context.quick ? 3 : 7
  const repeat = { runs, warmup: 2 }
  const request = { input: sample, context: 1n }
  const ours = await InferenceProver.open(folder)
  const plain = await InferenceProver.open(plainFolder)
  const witness = await time(() => ours.circuit.witness(request), repeat)
  record('witness', witness.median, 'ms', { spread: witness.spread, note: 'of round 1' })
  const proving = await timeBeside(
    () => ours.prove(request),
    () => plain.prove(request),
    repeat,
  )
  record('prove', proving.ours.median, 'ms', {
    spread: proving.ours.spread,
    peer: 'ours, plain Groth16',
    peerValue: proving.peer.median,
    note: 'witness and verification included, key loaded',
  })
  const { proof, publicSignals } = await ours.prove(request)
  await ours.close()
  await plain.close()
  const source = exportVerifier(ours.key, { name: 'Verifier', setupKind: 'local' })
  record('verify-transaction', await transactionGas(source, encodeVerifyCalldata(proof, publicSignals)), 'gas')
  record('peak-memory', await peakMemory(folder, sample), 'bytes', {
    note: 'a process that loads the key and proves once',
  })
}

/** Gas of a whole transaction that verifies, on the simulated chain. */
async function transactionGas(source: string, data: string): Promise<number> {
  const { network } = await import('hardhat')
  const { ethers } = await network.create()
  const { abi, bytecode } = compile(source).Verifier!
  const [signer] = await ethers.getSigners()
  const contract = await new ethers.ContractFactory(abi as [], bytecode, signer!).deploy()
  const to = await contract.getAddress()
  if (BigInt(await ethers.provider.call({ to, data })) !== 1n) throw new Error('the verifier refused an honest proof')
  const receipt = await (await signer!.sendTransaction({ to, data })).wait()
  return Number(receipt!.gasUsed)
}

/** Bytes that a fresh process needs at most for one proof, with the launcher's flags for one: Node, its threads, circuit and key. */
async function peakMemory(folder: string, sample: ArrayLike<number>): Promise<number> {
  const input = join(folder, 'sample.json')
  await writeFile(input, JSON.stringify(Array.from(sample)))
  const flags = nodeFlags([join(ROOT, 'keepers', 'cli', 'main.ts'), 'zkml', 'fullprove'])
  const script = fileURLToPath(new URL('./prove-once.ts', import.meta.url))
  // Node's cache of stripped sources is filled by the first: the stripper takes 28 MB.
  await run(process.execPath, [...flags, script, folder, input])
  const { stdout } = await run(process.execPath, [...flags, script, folder, input])
  return Number(stdout)
}

async function seconds<T>(body: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now()
  const result = await body()
  return [result, (performance.now() - start) / 1000]
}
