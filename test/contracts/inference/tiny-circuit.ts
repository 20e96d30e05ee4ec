// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits of a few constraints with the public signals of an inference. Their set-ups, proofs and verifiers are real, so
// that the contracts' tests verify what a chain would.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ContractFactory, id, type Signer } from 'ethers'
import { SCALAR_FIELD } from '../../../keepers/zkml/bn254.ts'
import { WitnessProgram } from '../../../keepers/zkml/circuit/witness.ts'
import type { Prover } from '../../../keepers/zkml/prove/backend.ts'
import { wasmBackend } from '../../../keepers/zkml/prove/wasm.ts'
import { toSolidityProof } from '../../../keepers/zkml/verifier/calldata.ts'
import { exportVerifier } from '../../../keepers/zkml/verifier/solidity.ts'
import { parseVerificationKey, verificationKeyHash } from '../../../keepers/zkml/verifier/verification-key.ts'
import { CACHE, ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { compile } from '../../../scripts/solc.ts'

export type Proof = { a: [bigint, bigint]; b: [[bigint, bigint], [bigint, bigint]]; c: [bigint, bigint] }

export type TinyCircuit = {
  /** Circuit id in the VerifierRegistry. */
  readonly id: string
  readonly vkHash: string
  /** As snarkjs writes it to verification_key.json. */
  readonly key: unknown
  /** The verifier says of itself that its key is from a local set-up, which is true, or from a ceremony. */
  deployVerifier(signer: Signer, setup?: 'local' | 'ceremony'): Promise<{ getAddress(): Promise<string> }>
  prove(inputs: Record<string, bigint>): Promise<Proof>
}

const require = createRequire(import.meta.url)
/** Provers of this process: a second circuit of the same source has the first one's. */
const provers = new Map<string, Promise<Prover>>()
let snarkjsCurves: typeof import('snarkjs').curves | undefined
const memory = () => ({ type: 'mem' as const })

/** Compiles and sets up `source`, whose public signals are the four of an inference: seconds at first, then from .cache. */
export async function tinyCircuit(name: string, source: string): Promise<TinyCircuit> {
  const folder = await prepared(source)
  const program = await WitnessProgram.load(new Uint8Array(await readFile(join(folder, 'tiny.wasm'))))
  const written: unknown = JSON.parse(await readFile(join(folder, 'tiny.json'), 'utf8'))
  const vkey = parseVerificationKey(written)
  const contractOf = (setupKind: 'local' | 'ceremony') =>
    compile(exportVerifier(vkey, { name: 'TinyVerifier', setupKind })).TinyVerifier!
  const local = contractOf('local')
  return {
    id: id(`cohort test circuit: ${name}`),
    vkHash: verificationKeyHash(vkey),
    key: written,
    async deployVerifier(signer, setup = 'local') {
      const contract = setup === 'local' ? local : contractOf(setup)
      const deployed = await new ContractFactory(contract.abi, contract.bytecode, signer).deploy()
      await deployed.waitForDeployment()
      return deployed
    },
    async prove(inputs) {
      // One thread: snarkjs takes 74 ms of the processor for a proof of these few constraints, most of it to talk to its threads.
      const prover = provers.get(folder) ?? wasmBackend({ threads: 1 }).open(join(folder, 'tiny.zkey'))
      provers.set(folder, prover)
      const { proof } = await (await prover).prove(program.calculate(reduced(inputs)))
      const { a, b, c } = toSolidityProof(proof)
      return { a, b, c } as unknown as Proof
    },
  }
}

/** The folder with the circuit's program and its key. One key for all processes: its verifier, too, is compiled once. */
async function prepared(source: string): Promise<string> {
  const { circom2, snarkjs: version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).dependencies
  const home = join(
    CACHE,
    'tiny-circuits',
    createHash('sha256').update(`${circom2} ${version} with verification key ${source}`).digest('hex'),
  )
  if (existsSync(home)) return home
  const folder = await mkdtemp(join(tmpdir(), 'cohort-tiny-'))
  const { curves, powersOfTau, zKey } = await import('snarkjs')
  snarkjsCurves = curves
  try {
    await writeFile(join(folder, 'tiny.circom'), source)
    const circom = require.resolve('circom2/cli.js')
    await promisify(execFile)(process.execPath, [circom, 'tiny.circom', '--r1cs', '--wasm', '-o', '.'], { cwd: folder })
    const [accumulator, contributed, phase2, initial] = Array.from({ length: 4 }, memory) as ReturnType<typeof memory>[]
    const curve = await curves.getCurveFromName('bn128')
    await powersOfTau.newAccumulator(curve, 4, accumulator!)
    await powersOfTau.contribute(accumulator!, contributed!, 'test', 'entropy of a test')
    await powersOfTau.preparePhase2(contributed!, phase2!)
    await zKey.newZKey(join(folder, 'tiny.r1cs'), phase2!, initial!)
    const aside = `${home}.${process.pid}`
    await mkdir(aside, { recursive: true })
    await zKey.contribute(initial!, join(aside, 'tiny.zkey'), 'test', 'more entropy of a test')
    const data = new Uint8Array(await readFile(join(aside, 'tiny.zkey')))
    await writeFile(join(aside, 'tiny.json'), JSON.stringify(await zKey.exportVerificationKey({ ...memory(), data })))
    await copyFile(join(folder, 'tiny_js', 'tiny.wasm'), join(aside, 'tiny.wasm'))
    // Somebody else may be first; each has a key of its own then, and the second is dropped.
    await rename(aside, home).catch(() => rm(aside, { recursive: true }))
    return home
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Signals are field elements; tests also try what is none. */
function reduced(inputs: Record<string, bigint>): Record<string, bigint> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, ((value % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD]),
  )
}

after(async () => {
  await Promise.all([...provers.values()].map(async (prover) => (await prover).close()))
  // snarkjs keeps one curve and its worker threads for the process, which could not end with them.
  await (await snarkjsCurves?.getCurveFromName('bn128'))?.terminate()
})
