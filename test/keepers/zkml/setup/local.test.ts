// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { groth16, zKey } from 'snarkjs'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { workingKernel } from '../../../../keepers/zkml/kernel/kernel.ts'
import { parseProof, parsePublicSignals } from '../../../../keepers/zkml/prove/proof.ts'
import { holdSnarkjsThreads } from '../../../../keepers/zkml/prove/snarkjs.ts'
import { verifyProof } from '../../../../keepers/zkml/prove/verify.ts'
import {
  bytesToField,
  CurveMemory,
  concatenate,
  fieldToBytes,
  loadCurveImage,
} from '../../../../keepers/zkml/setup/curve-memory.ts'
import { chooseWindow, FixedBase } from '../../../../keepers/zkml/setup/fixed-base.ts'
import { KernelFixedBase } from '../../../../keepers/zkml/setup/kernel-fixed-base.ts'
import { setupLocal } from '../../../../keepers/zkml/setup/local.ts'
import { metadataPath, readKeyMetadata, sha256File } from '../../../../keepers/zkml/setup/metadata.ts'
import { evaluateKeyExponents, exponentAt } from '../../../../keepers/zkml/setup/qap.ts'
import { parseR1cs } from '../../../../keepers/zkml/setup/r1cs.ts'
import { drawFieldElement } from '../../../../keepers/zkml/setup/secrets.ts'
import { LOCAL_SETUP_MARK, parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import {
  parseVerificationKey,
  verificationKeyHash,
  verificationKeyOf,
  verificationKeyToJson,
} from '../../../../keepers/zkml/verifier/verification-key.ts'
import { compileToy, type ToyCircuit } from './toy-circuit.ts'

describe('local set-up', () => {
  let toy: ToyCircuit
  let zkey: string

  before(async () => {
    toy = await compileToy()
    zkey = join(toy.folder, 'toy.zkey')
    await setupLocal(toy.r1cs, zkey)
  })

  after(async () => {
    await holdSnarkjsThreads()()
    await rm(toy.folder, { recursive: true, force: true })
  })

  it('writes a key that snarkjs proves with and verifies against, and we agree', async () => {
    const vkey = await zKey.exportVerificationKey(await readFile(zkey))
    const { proof, publicSignals } = await groth16.prove(zkey, await toy.witness(200, 5, 77n))
    expect(await groth16.verify(vkey, publicSignals, proof)).to.equal(true)
    const key = parseVerificationKey(vkey)
    expect(await verifyProof(key, parseProof(proof), parsePublicSignals(publicSignals))).to.equal(true)
    const wrong = [...publicSignals]
    wrong[3] = '78'
    expect(await groth16.verify(vkey, wrong, proof)).to.equal(false)
    expect(await verifyProof(key, parseProof(proof), parsePublicSignals(wrong))).to.equal(false)
  })

  it('gives a proof that does not verify for a witness that breaks any one constraint', async () => {
    const key = parseVerificationKey(await zKey.exportVerificationKey(await readFile(zkey)))
    const honest = await toy.witness(200, 5, 77n)
    const values = honest.byteLength - 32 * parseZkey(await readFile(zkey)).header.variables
    for (let variable = 1; variable < 20; variable += 3) {
      const forged = honest.slice()
      forged[values + 32 * variable]! ^= 1
      const { proof, publicSignals } = await groth16.prove(zkey, forged)
      expect(await verifyProof(key, parseProof(proof), parsePublicSignals(publicSignals)), `${variable}`).to.equal(
        false,
      )
    }
  })

  it('draws fresh secrets every time', async () => {
    const other = join(toy.folder, 'other.zkey')
    await setupLocal(toy.r1cs, other)
    const hashes = [zkey, other].map(async (path) =>
      verificationKeyHash(parseVerificationKey(await zKey.exportVerificationKey(await readFile(path)))),
    )
    expect(await hashes[0]).to.not.equal(await hashes[1])
    const { proof, publicSignals } = await groth16.prove(other, await toy.witness(1, 2, 3n))
    expect(await groth16.verify(await zKey.exportVerificationKey(await readFile(zkey)), publicSignals, proof)).to.equal(
      false,
    )
  })

  it('marks the key as local, in the key itself and in its metadata file', async () => {
    const parsed = parseZkey(await readFile(zkey))
    expect(parsed.local).to.equal(true)
    expect(Buffer.from(parsed.circuitHash.subarray(0, 32)).toString()).to.equal(LOCAL_SETUP_MARK)
    const metadata = await readKeyMetadata(zkey)
    expect(metadata.setup).to.equal('local')
    expect(metadata.zkeySha256).to.equal(await sha256File(zkey))
    expect(metadata.circuit.r1csSha256).to.equal(await sha256File(toy.r1cs))
    expect(`0x${Buffer.from(parsed.circuitHash.subarray(32)).toString('hex')}`).to.equal(metadata.circuit.r1csSha256)
    const exported = await zKey.exportVerificationKey(await readFile(zkey))
    expect(metadata.vkHash).to.equal(verificationKeyHash(parseVerificationKey(exported)))
    expect(exported).to.deep.include(verificationKeyToJson(await verificationKeyOf(parsed)))
  })

  it('leaves an existing key untouched, and no other file, when it is aborted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-abort-'))
    const target = join(folder, 'a.zkey')
    await writeFile(target, 'the old key')
    const controller = new AbortController()
    const run = setupLocal(toy.r1cs, target, {
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'points') controller.abort(new Error('stop it'))
      },
    })
    let caught: unknown
    await run.catch((error) => {
      caught = error
    })
    expect(caught).to.be.an('error').with.property('message', 'stop it')
    expect(await readFile(target, 'utf8')).to.equal('the old key')
    expect(await readdir(folder)).to.deep.equal(['a.zkey'])
    await rm(folder, { recursive: true })
  })

  it('refuses corrupt and foreign r1cs files, and names the defect', async () => {
    const file = await readFile(toy.r1cs)
    const sectionStart = (id: number) => {
      for (let at = 12; ; at += 12 + Number(file.readBigUInt64LE(at + 4)))
        if (file.readUInt32LE(at) === id) return at + 12
    }
    const header = sectionStart(1)
    const constraints = sectionStart(2)
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(file)
      copy.writeUInt32LE(value, at)
      return copy
    }
    const cases: [Buffer, string, RegExp][] = [
      [Buffer.alloc(0), 'r1cs-malformed', /0 bytes/],
      [Buffer.from('{"not": "an r1cs file"}'), 'r1cs-malformed', /letters r1cs/],
      [file.subarray(0, file.length - 200), 'r1cs-malformed', /ends before/],
      [changed(4, 2), 'r1cs-unsupported', /version 2/],
      [changed(header + 4, 1), 'r1cs-unsupported', /field/],
      [changed(header + 36, 3), 'r1cs-malformed', /variables/],
      [changed(header + 60, 0), 'r1cs-unsupported', /proves nothing/],
      [changed(header + 60, 1 << 20), 'r1cs-malformed', /missing/],
      [changed(header + 60, 3), 'r1cs-malformed', /follow the last/],
      [changed(constraints, 0xffffffff), 'r1cs-malformed', /terms/],
      [changed(constraints + 4, 0xffffffff), 'r1cs-malformed', /variable/],
      [changed(constraints + 36, 0xffffffff), 'r1cs-malformed', /≥ r/],
    ]
    for (const [bytes, code, message] of cases) {
      expect(() => parseR1cs(bytes))
        .to.throw(message)
        .with.property('code', code)
    }
  })

  it('refuses a zkey that is truncated at any section, and one with a false header', async () => {
    const file = await readFile(zkey)
    for (let part = 0; part < 1; part += 0.09) {
      expect(() => parseZkey(file.subarray(0, Math.floor(file.length * part))))
        .to.throw()
        .with.property('code', 'zkey-malformed')
    }
    const lying = Buffer.from(file)
    // Section 2 is the third that is written; its words follow two framed primes.
    const at = 12 + 16 + 12 + Number(file.readBigUInt64LE(12 + 16 + 4)) + 12 + 72
    expect(lying.readUInt32LE(at)).to.equal(parseZkey(file).header.variables)
    lying.writeUInt32LE(5000, at)
    expect(() => parseZkey(lying)).to.throw(/section a has/)
  })

  it('refuses metadata that is missing or does not parse', async () => {
    for (const [text, message] of [
      ['', /JSON/],
      ['{}', /format/],
      [JSON.stringify({ ...(await readKeyMetadata(zkey)), setup: 'trusted' }), /setup/],
    ] as const) {
      const path = join(toy.folder, 'bad.zkey')
      await writeFile(metadataPath(path), text)
      let caught: unknown
      await readKeyMetadata(path).catch((error) => {
        caught = error
      })
      expect(caught).to.be.an('error').with.property('code', 'metadata-mismatch')
      expect((caught as Error).message).to.match(message)
    }
  })
})

describe('set-up arithmetic', () => {
  let memory: CurveMemory

  before(async () => {
    memory = await CurveMemory.create(await loadCurveImage())
  })

  it('evaluates the program at τ as a slow interpolation does', async () => {
    const toy = await compileToy(2)
    const r1cs = parseR1cs(await readFile(toy.r1cs))
    await rm(toy.folder, { recursive: true })
    const value = { tau: 123456789n, alpha: 3n, beta: 5n, gamma: 7n, delta: 11n }
    const secrets = {
      tau: fieldToBytes(value.tau),
      alpha: fieldToBytes(value.alpha),
      beta: fieldToBytes(value.beta),
      gamma: fieldToBytes(value.gamma),
      delta: fieldToBytes(value.delta),
    }
    const exponents = evaluateKeyExponents(memory, r1cs, secrets)
    const size = exponents.h.byteLength / 32
    const slow = slowProgram(r1cs, size, value.tau)
    const publics = r1cs.header.publicSignals + 1
    for (let s = 0; s < r1cs.header.variables; s++) {
      const [a, b, c] = slow[s]!
      expect(exponentAt(exponents.a, s)).to.equal(a)
      expect(exponentAt(exponents.b, s)).to.equal(b)
      const sum = mod(value.beta * a! + value.alpha * b! + c!)
      if (s < publics) expect(mod(exponentAt(exponents.ic, s) * value.gamma)).to.equal(sum)
      else expect(mod(exponentAt(exponents.c, s - publics) * value.delta)).to.equal(sum)
    }
  })

  it('multiplies scalars by both generators as the curve does, at every window width', async () => {
    const { buildBn128 } = await import('ffjavascript')
    const curve = await buildBn128(true)
    const scalars = [
      0n,
      1n,
      2n,
      4096n,
      4097n,
      8191n,
      8192n,
      SCALAR_FIELD - 1n,
      SCALAR_FIELD >> 1n,
      2n ** 253n,
      987654321987654321n ** 4n,
    ]
    const bytes = new Uint8Array(32 * scalars.length)
    for (const [i, scalar] of scalars.entries()) bytes.set(fieldToBytes(scalar), 32 * i)
    const kernel = (await workingKernel())!
    for (const group of ['g1', 'g2'] as const) {
      const G = group === 'g1' ? curve.G1 : curve.G2
      const size = 2 * G.F.n8
      for (const window of [2, 5, 8, 13]) {
        const mark = memory.mark()
        const points = new FixedBase(memory, group, window).multiply(bytes)
        memory.release(mark)
        const same = new KernelFixedBase(kernel, group, window).multiply(bytes)
        expect(Buffer.compare(same, points), `kernel, ${group} width ${window}`).to.equal(0)
        for (const [i, scalar] of scalars.entries()) {
          const expected = G.timesScalar(G.g, scalar)
          const actual = points.slice(i * size, (i + 1) * size)
          expect(G.eq(G.fromRprLEM(actual, 0), expected), `${group} width ${window} scalar ${scalar}`).to.equal(true)
        }
      }
    }
  })

  it('gives the same points for thousands of scalars with either engine, and leaves none of them in the kernel', async () => {
    const kernel = (await workingKernel())!
    const scalars = Array.from({ length: 1100 }, (_, i) => (i % 9 === 4 ? 0n : bytesToField(drawFieldElement())))
    const bytes = concatenate(scalars.map(fieldToBytes))
    for (const group of ['g1', 'g2'] as const) {
      const base = new KernelFixedBase(kernel, group, 7)
      const used = kernel.mark()
      const mark = memory.mark()
      expect(Buffer.compare(base.multiply(bytes), new FixedBase(memory, group, 7).multiply(bytes)), group).to.equal(0)
      memory.release(mark)
      expect(kernel.mark()).to.equal(used)
      expect(kernel.read(used, 1 << 16).every((byte) => byte === 0)).to.equal(true)
    }
  })

  it('leaves no released secrets in memory', () => {
    const mark = memory.mark()
    const secret = new Uint8Array(4096).fill(0xa5)
    const at = memory.allocBytes(secret)
    memory.release(mark)
    expect(memory.bytes.subarray(at, at + 4096).every((byte) => byte === 0)).to.equal(true)
  })

  it('chooses wider windows for more scalars', () => {
    expect(chooseWindow(10)).to.be.below(chooseWindow(10_000))
    expect(chooseWindow(10_000_000)).to.be.at.most(15)
  })
})

const mod = (value: bigint) => ((value % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = base, e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b)
  return result
}

/** A, B and C of every variable at a point, by products over the whole domain. */
function slowProgram(r1cs: ReturnType<typeof parseR1cs>, size: number, at: bigint): bigint[][] {
  const root = power(5n, (SCALAR_FIELD - 1n) / BigInt(size))
  const domain = Array.from({ length: size }, (_, i) => power(root, BigInt(i)))
  const lagrange = domain.map((x, i) => {
    let [numerator, denominator] = [1n, 1n]
    for (const [j, y] of domain.entries()) {
      if (i === j) continue
      numerator = mod(numerator * (at - y))
      denominator = mod(denominator * (x - y))
    }
    return mod(numerator * power(denominator, SCALAR_FIELD - 2n))
  })
  const values = Array.from({ length: r1cs.header.variables }, () => [0n, 0n, 0n])
  const view = new DataView(r1cs.constraints.buffer, r1cs.constraints.byteOffset)
  let offset = 0
  for (let constraint = 0; constraint < r1cs.header.constraints; constraint++) {
    for (let side = 0; side < 3; side++) {
      let terms = view.getUint32(offset, true)
      offset += 4
      for (; terms > 0; terms--, offset += 36) {
        const row = values[view.getUint32(offset, true)]!
        row[side] = mod(row[side]! + bytesToField(r1cs.constraints, offset + 4) * lagrange[constraint]!)
      }
    }
  }
  for (let s = 0; s <= r1cs.header.publicSignals; s++) {
    values[s]![0] = mod(values[s]![0]! + lagrange[r1cs.header.constraints + s]!)
  }
  return values
}
