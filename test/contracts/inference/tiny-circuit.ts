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
import { curves, groth16, powersOfTau, wtns, zKey } from 'snarkjs'
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
let used = false
const memory = () => ({ type: 'mem' as const })

/** Compiles and sets up `source`, whose public signals are the four of an inference: seconds at first, then from .cache. */
export async function tinyCircuit(name: string, source: string): Promise<TinyCircuit> {
  used = true
  const folder = await prepared(source)
  const wasm = new Uint8Array(await readFile(join(folder, 'tiny.wasm')))
  const key = { ...memory(), data: new Uint8Array(await readFile(join(folder, 'tiny.zkey'))) }
  const written: unknown = await zKey.exportVerificationKey(key)
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
      const witness = memory()
      await wtns.calculate(inputs, wasm, witness, { memorySize: 1 })
      const { proof } = await groth16.prove(key, witness)
      return toCalldata(proof)
    },
  }
}

/** The folder with the circuit's program and its key. One key for all processes: its verifier, too, is compiled once. */
async function prepared(source: string): Promise<string> {
  const { circom2, snarkjs } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).dependencies
  const home = join(
    CACHE,
    'tiny-circuits',
    createHash('sha256').update(`${circom2} ${snarkjs} ${source}`).digest('hex'),
  )
  if (existsSync(home)) return home
  const folder = await mkdtemp(join(tmpdir(), 'cohort-tiny-'))
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
    await copyFile(join(folder, 'tiny_js', 'tiny.wasm'), join(aside, 'tiny.wasm'))
    // Somebody else may be first; each has a key of its own then, and the second is dropped.
    await rename(aside, home).catch(() => rm(aside, { recursive: true }))
    return home
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** snarkjs' proof in the order of the precompile: imaginary parts first. */
function toCalldata(proof: { pi_a: string[]; pi_b: string[][]; pi_c: string[] }): Proof {
  const g1 = ([x, y]: string[]): [bigint, bigint] => [BigInt(x!), BigInt(y!)]
  const flip = ([re, im]: string[]): [bigint, bigint] => [BigInt(im!), BigInt(re!)]
  return { a: g1(proof.pi_a), b: [flip(proof.pi_b[0]!), flip(proof.pi_b[1]!)], c: g1(proof.pi_c) }
}

// snarkjs keeps one curve and its worker threads for the process, which could not end with them.
after(async () => {
  if (used) await (await curves.getCurveFromName('bn128')).terminate()
})
