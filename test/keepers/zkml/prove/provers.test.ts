// SPDX-License-Identifier: GPL-3.0-or-later
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { groth16, zKey } from 'snarkjs'
import { BASE_FIELD, SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import type { Prover, ProverBackend } from '../../../../keepers/zkml/prove/backend.ts'
import { proveAll, verifyBatch } from '../../../../keepers/zkml/prove/batch.ts'
import {
  type Proof,
  type ProofWithSignals,
  parseProof,
  parsePublicSignals,
  proofToJson,
  publicSignalsToJson,
} from '../../../../keepers/zkml/prove/proof.ts'
import { rapidsnarkBackend } from '../../../../keepers/zkml/prove/rapidsnark.ts'
import { holdSnarkjsThreads, snarkjsBackend } from '../../../../keepers/zkml/prove/snarkjs.ts'
import { verifyProof } from '../../../../keepers/zkml/prove/verify.ts'
import { wasmBackend } from '../../../../keepers/zkml/prove/wasm.ts'
import { fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { setupLocal } from '../../../../keepers/zkml/setup/local.ts'
import { parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import { parseVerificationKey, type VerificationKey } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { compileToy, type ToyCircuit } from '../setup/toy-circuit.ts'
import { infinityCases } from './infinity.ts'

let toy: ToyCircuit
let zkey: string
let vkey: Record<string, unknown>
let key: VerificationKey

before(async () => {
  // Enough constraints that every thread has rows, and that both long and short scalars occur.
  toy = await compileToy(300)
  zkey = join(toy.folder, 'toy.zkey')
  await setupLocal(toy.r1cs, zkey)
  vkey = await zKey.exportVerificationKey(await readFile(zkey))
  key = parseVerificationKey(vkey)
})

after(async () => {
  await holdSnarkjsThreads()()
  await rm(toy.folder, { recursive: true, force: true })
})

/** A program that Node runs. Not by a `#!` of its own: that takes no Node in a folder with a space in its name. */
async function writeProgram(name: string, source: string): Promise<string> {
  const file = join(toy.folder, name)
  await writeFile(`${file}.mjs`, source)
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${file}.mjs' "$@"\n`)
  await chmod(file, 0o755)
  return file
}

/** A program with rapidsnark's command line; it proves with snarkjs. */
async function writeStandIn(): Promise<string> {
  const snarkjs = import.meta.resolve('snarkjs')
  return await writeProgram(
    'rapidsnark',
    `import { writeFileSync } from 'node:fs'
import { groth16 } from '${snarkjs}'
const [key, witness, proofFile, publicFile] = process.argv.slice(2)
const { proof, publicSignals } = await groth16.prove(key, witness)
delete proof.curve
writeFileSync(proofFile, JSON.stringify(proof))
writeFileSync(publicFile, JSON.stringify(publicSignals))
process.exit(0)
`,
  )
}

const BACKENDS: (readonly [string, () => Promise<ProverBackend>])[] = [
  ['the kernel on one thread', async () => wasmBackend({ threads: 1, engine: 'kernel' })],
  ['wasm on two threads', async () => wasmBackend({ threads: 2 })],
  ['the kernel on five threads', async () => wasmBackend({ threads: 5, engine: 'kernel' })],
  ['the portable engine on two threads', async () => wasmBackend({ threads: 2, engine: 'portable' })],
  ['snarkjs', async () => snarkjsBackend],
  ['a program with the command line of rapidsnark', async () => rapidsnarkBackend(await writeStandIn())],
  // The real one, where it is installed.
  ...(process.env.COHORT_RAPIDSNARK === undefined
    ? []
    : [['rapidsnark', async () => rapidsnarkBackend(process.env.COHORT_RAPIDSNARK!)] as const]),
]

for (const [name, create] of BACKENDS) {
  describe(`prover: ${name}`, function () {
    this.timeout(120_000)
    let prover: Prover

    before(async () => {
      prover = await (await create()).open(zkey)
    })
    after(() => prover.close())

    it('makes proofs that snarkjs and we accept, with the witness’s public signals', async () => {
      for (const [left, right, context] of [
        [1, 0, 0n],
        [200, 3, SCALAR_FIELD - 5n],
      ] as const) {
        const { proof, publicSignals } = await prover.prove(await toy.witness(left, right, context))
        expect(publicSignals[0]).to.equal(BigInt(left) ** 2n)
        expect(publicSignals[3]).to.equal(context)
        expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
        expect(await groth16.verify(vkey, publicSignalsToJson(publicSignals), proofToJson(proof))).to.equal(true)
      }
    })

    it('makes a different proof every time', async () => {
      const witness = await toy.witness(9, 9, 9n)
      const [one, two] = [await prover.prove(witness), await prover.prove(witness)]
      for (const part of ['a', 'b', 'c'] as const) expect(one.proof[part]).to.not.deep.equal(two.proof[part])
    })

    it('serves overlapping calls, each with its own answer', async () => {
      const witnesses = await Promise.all([3, 4, 5].map((left) => toy.witness(left, 1, 1n)))
      const results = await Promise.all(witnesses.map((witness) => prover.prove(witness)))
      expect(results.map(({ publicSignals }) => publicSignals[0])).to.deep.equal([9n, 16n, 25n])
      for (const { proof, publicSignals } of results)
        expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
    })

    it('refuses a truncated witness, one of another circuit, and bytes that are not a witness', async () => {
      const witness = await toy.witness(1, 1, 1n)
      const other = await compileToy(3)
      const foreign = await other.witness(1, 1, 1n)
      await rm(other.folder, { recursive: true })
      for (const [bytes, code] of [
        [witness.subarray(0, witness.length - 40), 'malformed'],
        [withValue(witness, -1, SCALAR_FIELD), 'malformed'],
        [withValue(witness, -1, 2n ** 256n - 1n), 'malformed'],
        [new Uint8Array(5), 'malformed'],
        [foreign, 'circuit-mismatch'],
        [withLastValue(witness, SCALAR_FIELD), 'malformed'],
        [withLastValue(witness, 2n ** 256n - 1n), 'malformed'],
      ] as const) {
        expect(await rejection(prover.prove(bytes))).to.have.property('code', code)
      }
    })

    it('is still of use after an aborted call', async () => {
      const controller = new AbortController()
      const witness = await toy.witness(2, 2, 2n)
      const aborted = rejection(prover.prove(witness, { signal: controller.signal }))
      controller.abort(new Error('enough'))
      expect(await aborted).to.have.property('message', 'enough')
      const { proof, publicSignals } = await prover.prove(witness)
      expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
    })

    it('makes no valid proof from a witness that breaks the circuit', async () => {
      const witness = (await toy.witness(2, 2, 2n)).slice()
      witness[witness.length - 32]! ^= 1
      const { proof, publicSignals } = await prover.prove(witness)
      expect(await verifyProof(key, proof, publicSignals)).to.equal(false)
    })
  })
}

describe('proving', () => {
  let proofs: ProofWithSignals[]

  before(async () => {
    const prover = await wasmBackend().open(await readFile(zkey))
    async function* witnesses() {
      for (let i = 1; i <= 4; i++) yield await toy.witness(i, i, BigInt(i))
    }
    proofs = []
    for await (const proof of proveAll(prover, witnesses())) proofs.push(proof)
    await prover.close()
    expect(await rejection(prover.prove(await toy.witness(1, 1, 1n)))).to.have.property('code', 'backend-failed')
  })

  it('proves a batch in order and verifies it at once', async () => {
    expect(proofs.map(({ publicSignals }) => publicSignals[3])).to.deep.equal([1n, 2n, 3n, 4n])
    expect(await verifyBatch(key, proofs)).to.equal(true)
    expect(await verifyBatch(key, [])).to.equal(true)
  })

  it('refuses a batch with one false proof, with exchanged Cs, and with a point outside the group', async () => {
    for (const bad of [0, 3]) {
      const batch = [...proofs]
      batch[bad] = { ...proofs[bad]!, publicSignals: proofs[(bad + 1) % 4]!.publicSignals }
      expect(await verifyBatch(key, batch)).to.equal(false)
    }
    const [one, two] = [proofs[0]!, proofs[1]!]
    const exchanged = [
      { ...one, proof: { ...one.proof, c: two.proof.c } },
      { ...two, proof: { ...two.proof, c: one.proof.c } },
    ]
    expect(await verifyBatch(key, exchanged)).to.equal(false)
  })

  it('verifies nothing with aliases, points off the curve or the wrong number of signals', async () => {
    const { proof, publicSignals } = proofs[0]!
    const forged: Proof[] = [
      { ...proof, a: [proof.a[0] + BASE_FIELD, proof.a[1]] },
      { ...proof, c: [proof.c[0], proof.c[1] + BASE_FIELD] },
      { ...proof, a: [proof.a[0], proof.a[1] ^ 1n] },
      { ...proof, b: [proof.b[1], proof.b[0]] },
      { ...proof, b: [[proof.b[0][0], -proof.b[0][1]], proof.b[1]] },
    ]
    for (const [i, candidate] of forged.entries()) {
      expect(await verifyProof(key, candidate, publicSignals), `forgery ${i}`).to.equal(false)
    }
    const alias = [publicSignals[0]! + SCALAR_FIELD, ...publicSignals.slice(1)]
    expect(await verifyProof(key, proof, alias)).to.equal(false)
    expect(await rejection(verifyProof(key, proof, publicSignals.slice(1)))).to.have.property(
      'code',
      'circuit-mismatch',
    )
  })

  it('takes (0, 0) for the point at infinity, as the contract does', async () => {
    const { key, publicSignals, cases } = await infinityCases()
    for (const { name, proof, holds } of cases) {
      expect(await verifyProof(key, proof, publicSignals), name).to.equal(holds)
      expect(await verifyBatch(key, [{ proof, publicSignals }]), `batch: ${name}`).to.equal(holds)
    }
  })

  it('parses its own JSON and refuses other by the field', () => {
    const { proof, publicSignals } = proofs[0]!
    expect(parseProof(JSON.parse(JSON.stringify(proofToJson(proof))))).to.deep.equal(proof)
    expect(parsePublicSignals(publicSignalsToJson(publicSignals))).to.deep.equal([...publicSignals])
    const json = proofToJson(proof) as { pi_a: string[]; pi_b: string[][] }
    for (const [bad, field] of [
      [{ ...json, pi_a: [...json.pi_a.slice(0, 2), '0'] }, /pi_a/],
      [{ ...json, pi_a: [String(BASE_FIELD), ...json.pi_a.slice(1)] }, /pi_a/],
      [{ ...json, pi_b: json.pi_b.slice(1) }, /pi_b/],
      [{ ...json, protocol: 'plonk' }, /protocol/],
      [null, /proof/],
    ] as const) {
      expect(() => parseProof(bad))
        .to.throw(field)
        .with.property('code', 'malformed')
    }
    expect(() => parsePublicSignals([String(SCALAR_FIELD)])).to.throw(/scalar field/)
    expect(() => parsePublicSignals(['-1'])).to.throw(/decimal/)
  })

  it('closes one snarkjs prover while another is proving', async () => {
    const [one, two] = [await snarkjsBackend.open(zkey), await snarkjsBackend.open(zkey)]
    const proving = two.prove(await toy.witness(3, 1, 4n))
    await one.close()
    const { proof, publicSignals } = await proving
    await two.close()
    expect(await verifyProof(key, proof, publicSignals)).to.equal(true)
    expect(await rejection(one.prove(await toy.witness(1, 1, 1n)))).to.be.an('error')
  })

  it('makes the same proof of the same randomness with either engine, any number of threads, a key in memory or on disk', async () => {
    const witness = await toy.witness(201, 77, SCALAR_FIELD - 1n)
    const proofs: Proof[] = []
    const bytes = await readFile(zkey)
    for (const [engine, threads, source] of [
      ['portable', 1, zkey],
      ['portable', 2, bytes],
      ['kernel', 1, bytes],
      ['kernel', 2, zkey],
      ['kernel', 3, bytes],
      ['kernel', 3, zkey],
    ] as const) {
      let drawn = 0n
      const draw = () => fieldToBytes(SCALAR_FIELD - 12_345n - drawn++)
      const prover = await wasmBackend({ engine, threads }, draw).open(source)
      proofs.push((await prover.prove(witness)).proof)
      await prover.close()
      expect(drawn).to.equal(2n)
    }
    for (const proof of proofs) expect(proof).to.deep.equal(proofs[0])
  })

  it('refuses a key with a coefficient of a variable that it does not have', async () => {
    const bytes = await readFile(zkey)
    const { header, sections } = parseZkey(bytes)
    const { byteOffset, byteLength } = sections.coefficients
    new DataView(bytes.buffer, byteOffset, byteLength).setUint32(4 + 8, header.variables, true)
    for (const engine of ['kernel', 'portable'] as const) {
      const error = await rejection(wasmBackend({ engine }).open(bytes))
      expect(error).to.have.property('code', 'malformed')
      expect(error).to.have.property('message').that.includes(String(header.variables))
    }
  })

  it('leaves no witness behind in the temporary folder', async () => {
    const before = await readdir(tmpdir())
    const prover = await rapidsnarkBackend(await writeStandIn()).open(await readFile(zkey))
    await prover.prove(await toy.witness(1, 1, 1n))
    await prover.close()
    const left = (await readdir(tmpdir())).filter((name) => !before.includes(name) && name.startsWith('cohort-prove-'))
    expect(left).to.deep.equal([])
  })

  it('says so when the rapidsnark binary is missing or fails', async () => {
    expect(await rejection(rapidsnarkBackend('/nonexistent/prover').open(zkey))).to.have.property(
      'code',
      'backend-failed',
    )
    const broken = await writeProgram('broken', "console.error('no luck'); process.exit(3)")
    const prover = await rapidsnarkBackend(broken).open(zkey)
    expect(await rejection(prover.prove(await toy.witness(1, 1, 1n)))).to.have.property(
      'message',
      'rapidsnark: no luck',
    )
    await prover.close()
  })
})

function withLastValue(witness: Uint8Array, value: bigint): Uint8Array {
  const changed = witness.slice()
  changed.set(fieldToBytes(value), changed.length - 32)
  return changed
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('expected a rejection')
}

/** A witness whose value `at` (from the end when negative) is another number of 32 bytes. */
function withValue(witness: Uint8Array, at: number, value: bigint): Uint8Array {
  const copy = witness.slice()
  const start = at < 0 ? copy.length + 32 * at : 32 * at
  for (let i = 0; i < 32; i++) copy[start + i] = Number((value >> BigInt(8 * i)) & 255n)
  return copy
}
