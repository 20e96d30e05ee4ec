// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile, rm } from 'node:fs/promises'
import { expect } from 'chai'
import type { BaseContract } from 'ethers'
import { network } from 'hardhat'
import { zKey } from 'snarkjs'
import { BASE_FIELD, SCALAR_FIELD } from '../../../keepers/zkml/bn254.ts'
import type { ProofWithSignals } from '../../../keepers/zkml/prove/proof.ts'
import { holdSnarkjsThreads, snarkjsBackend } from '../../../keepers/zkml/prove/snarkjs.ts'
import { setupLocal } from '../../../keepers/zkml/setup/local.ts'
import { encodeBatchCalldata, encodeVerifyCalldata, toSolidityProof } from '../../../keepers/zkml/verifier/calldata.ts'
import { exportVerifier } from '../../../keepers/zkml/verifier/solidity.ts'
import {
  parseVerificationKey,
  type VerificationKey,
  verificationKeyHash,
} from '../../../keepers/zkml/verifier/verification-key.ts'
import { compile } from '../../../scripts/solc.ts'
import { pointOutsideSubgroup } from '../../keepers/zkml/outside-subgroup.ts'
import { infinityCases } from '../../keepers/zkml/prove/infinity.ts'
import { compileToy, type ToyCircuit } from '../../keepers/zkml/setup/toy-circuit.ts'

type Verifier = BaseContract & Record<string, any>
type Words = { a: bigint[]; b: bigint[][]; c: bigint[]; signals: bigint[] }

const { ethers } = await network.create()

describe('emitted Groth16 verifier', () => {
  let toy: ToyCircuit
  let key: VerificationKey
  let verifier: Verifier
  let proofs: ProofWithSignals[]
  let deployedBytes: number

  before(async () => {
    toy = await compileToy()
    const zkey = `${toy.folder}/toy.zkey`
    await setupLocal(toy.r1cs, zkey)
    key = parseVerificationKey(await zKey.exportVerificationKey(await readFile(zkey)))
    const compiled = compile(exportVerifier(key, { name: 'Toy', setupKind: 'local' }), { strict: true }).Toy!
    deployedBytes = compiled.deployedBytes
    const [signer] = await ethers.getSigners()
    verifier = (await new ethers.ContractFactory(compiled.abi as any, compiled.bytecode, signer).deploy()) as Verifier
    const prover = await snarkjsBackend.open(zkey)
    proofs = []
    for (let i = 0; i < 4; i++) proofs.push(await prover.prove(await toy.witness(7 + i, 11 * i, 1000n + BigInt(i))))
    // The same statement twice: Groth16 proofs are randomised.
    proofs.push(await prover.prove(await toy.witness(7, 0, 1000n)))
    await prover.close()
  })

  after(async () => {
    await holdSnarkjsThreads()()
    await rm(toy.folder, { recursive: true, force: true })
  })

  const words = ({ proof, publicSignals }: ProofWithSignals): Words => {
    const { a, b, c } = toSolidityProof(proof)
    return { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c], signals: [...publicSignals] }
  }
  const verify = ({ a, b, c, signals }: Words): Promise<boolean> => verifier.verifyProof!(a, b, c, signals)
  const verifyBatch = (batch: Words[]): Promise<boolean> =>
    verifier.verifyBatch!(
      batch.map(({ a, b, c }) => ({ a, b, c })),
      batch.map(({ signals }) => signals),
    )

  it('accepts honest proofs, and two different proofs of one statement', async () => {
    for (const proof of proofs) expect(await verify(words(proof))).to.equal(true)
    expect(proofs[4]!.publicSignals).to.deep.equal(proofs[0]!.publicSignals)
    expect(proofs[4]!.proof.a).to.not.deep.equal(proofs[0]!.proof.a)
  })

  it('accepts a re-randomised proof: replay protection must not rest on a proof’s bytes', async () => {
    // (A/s, s·B, C) satisfies the same equation.
    const { buildBn128 } = await import('ffjavascript')
    const curve = await buildBn128(true)
    const { a, b } = proofs[0]!.proof
    const scale = curve.Fr.e(12345n)
    const inverse = curve.Fr.e(modInverse(12345n))
    const { G1, G2 } = curve
    const [ax, ay] = G1.toObject(G1.toAffine(G1.timesFr(G1.fromObject([...a, 1n]), inverse))) as bigint[]
    const [bx, by] = G2.toObject(G2.toAffine(G2.timesFr(G2.fromObject([...b, [1n, 0n]]), scale))) as bigint[][]
    const forged = words({
      proof: { ...proofs[0]!.proof, a: [ax!, ay!], b: [bx as any, by as any] },
      publicSignals: proofs[0]!.publicSignals,
    })
    expect(forged.a).to.not.deep.equal([...a])
    expect(await verify(forged)).to.equal(true)
  })

  it('refuses every changed word, without reverting', async () => {
    const names = ['a', 'b', 'c', 'signals'] as const
    for (const name of names) {
      const size = name === 'b' ? 4 : name === 'signals' ? 4 : 2
      for (let i = 0; i < size; i++) {
        for (const change of [(x: bigint) => x + 1n, () => 0n, (x: bigint) => x ^ (1n << 200n)]) {
          const forged = words(proofs[1]!)
          const row = name === 'b' ? forged.b[i >> 1]! : forged[name]
          const at = name === 'b' ? i & 1 : i
          row[at] = change(row[at]!)
          expect(await verify(forged), `${name}[${i}]`).to.equal(false)
        }
      }
    }
  })

  it('refuses the aliases of every word: coordinates plus q, signals plus r', async () => {
    const honest = words(proofs[0]!)
    for (const [field, index] of [
      ['a', 0],
      ['a', 1],
      ['c', 0],
      ['c', 1],
    ] as const) {
      const alias = structuredClone(honest)
      alias[field][index]! += BASE_FIELD
      expect(await verify(alias), `${field}[${index}] + q`).to.equal(false)
    }
    for (let i = 0; i < 4; i++) {
      const alias = structuredClone(honest)
      alias.b[i >> 1]![i & 1]! += BASE_FIELD
      expect(await verify(alias), `b[${i}] + q`).to.equal(false)
      const signals = structuredClone(honest)
      signals.signals[i]! += SCALAR_FIELD
      expect(await verify(signals), `signal ${i} + r`).to.equal(false)
    }
  })

  it('takes (0, 0) for the point at infinity, as verification off-chain does', async () => {
    const { key, publicSignals, cases } = await infinityCases()
    const { abi, bytecode } = compile(exportVerifier(key, { name: 'Trapdoor', setupKind: 'local' })).Trapdoor!
    const [signer] = await ethers.getSigners()
    const contract = (await new ethers.ContractFactory(abi as any, bytecode, signer).deploy()) as Verifier
    for (const { name, proof, holds } of cases) {
      const { a, b, c, signals } = words({ proof, publicSignals })
      expect(await contract.verifyProof!(a, b, c, signals), name).to.equal(holds)
      expect(await contract.verifyBatch!([{ a, b, c }], [signals]), `batch: ${name}`).to.equal(holds)
    }
  })

  it('refuses swapped points, negated points, points at infinity and the proof of another statement', async () => {
    const [one, two] = [words(proofs[0]!), words(proofs[1]!)]
    const forged: Words[] = [
      { ...one, a: one.c, c: one.a },
      { ...one, b: [one.b[1]!, one.b[0]!] },
      { ...one, b: [[...one.b[0]!].reverse(), [...one.b[1]!].reverse()] },
      { ...one, a: [one.a[0]!, BASE_FIELD - one.a[1]!] },
      { ...one, c: [one.c[0]!, BASE_FIELD - one.c[1]!] },
      { ...one, a: [0n, 0n] },
      { ...one, c: [0n, 0n] },
      {
        ...one,
        b: [
          [0n, 0n],
          [0n, 0n],
        ],
      },
      {
        a: [0n, 0n],
        b: [
          [0n, 0n],
          [0n, 0n],
        ],
        c: [0n, 0n],
        signals: one.signals,
      },
      { ...one, signals: two.signals },
      { ...one, a: two.a },
    ]
    for (const [i, proof] of forged.entries()) expect(await verify(proof), `forgery ${i}`).to.equal(false)
  })

  it('refuses a B on the twist but outside the subgroup, at a bounded price', async () => {
    const forged = { ...words(proofs[0]!), b: pointOutsideSubgroup() }
    expect(await verify(forged)).to.equal(false)
    const { a, b, c, signals } = forged
    const gas = await verifier.getFunction('verifyProof').estimateGas(a, b, c, signals)
    expect(Number(gas)).to.be.below(600_000)
  })

  it('refuses garbage cheaply, so that a relayer loses little', async () => {
    const forged = words(proofs[0]!)
    forged.a[1]! ^= 1n
    const gas = await verifier.getFunction('verifyProof').estimateGas(forged.a, forged.b, forged.c, forged.signals)
    expect(Number(gas)).to.be.below(50_000)
  })

  it('states the hash of its own key and that the key is local', async () => {
    expect(await verifier.vkHash!()).to.equal(verificationKeyHash(key))
    expect(await verifier.SETUP_KIND!()).to.equal(1n)
    const ceremony = exportVerifier(key, { name: 'Toy', setupKind: 'ceremony' })
    expect(ceremony).to.contain('SETUP_KIND = 2').and.to.contain('CEREMONY')
  })

  it('accepts batches of honest proofs, a proof repeated included', async () => {
    for (const size of [1, 2, 4]) expect(await verifyBatch(proofs.slice(0, size).map(words))).to.equal(true)
    expect(await verifyBatch([words(proofs[0]!), words(proofs[0]!)])).to.equal(true)
  })

  it('refuses a batch with one bad proof anywhere, with swapped signals, or with cancelling errors', async () => {
    for (let bad = 0; bad < 4; bad++) {
      const batch = proofs.slice(0, 4).map(words)
      batch[bad]!.signals[2] = (batch[bad]!.signals[2]! + 1n) % SCALAR_FIELD
      expect(await verifyBatch(batch), `proof ${bad}`).to.equal(false)
    }
    const swapped = proofs.slice(0, 2).map(words)
    ;[swapped[0]!.signals, swapped[1]!.signals] = [swapped[1]!.signals, swapped[0]!.signals]
    expect(await verifyBatch(swapped)).to.equal(false)
    // Without coefficients, +d on one C and −d on another would cancel: exchanging the Cs keeps their sum.
    const exchanged = proofs.slice(0, 2).map(words)
    ;[exchanged[0]!.c, exchanged[1]!.c] = [exchanged[1]!.c, exchanged[0]!.c]
    expect(await verifyBatch(exchanged)).to.equal(false)
    const alias = proofs.slice(0, 2).map(words)
    alias[1]!.signals[0]! += SCALAR_FIELD
    expect(await verifyBatch(alias)).to.equal(false)
    const offCurve = proofs.slice(0, 2).map(words)
    offCurve[1]!.c[0]! += 1n
    expect(await verifyBatch(offCurve)).to.equal(false)
  })

  it('reverts for an empty batch and for one whose halves differ in length', async () => {
    const { a, b, c, signals } = words(proofs[0]!)
    await expect(verifier.verifyBatch!([], []))
      .to.be.revertedWithCustomError(verifier, 'BatchLengthMismatch')
      .withArgs(0, 0)
    await expect(verifier.verifyBatch!([{ a, b, c }], [signals, signals]))
      .to.be.revertedWithCustomError(verifier, 'BatchLengthMismatch')
      .withArgs(1, 2)
  })

  it('takes exactly the calldata that encode-calldata writes', async () => {
    const { a, b, c, signals } = words(proofs[2]!)
    const single = encodeVerifyCalldata(proofs[2]!.proof, proofs[2]!.publicSignals)
    expect(single).to.equal(verifier.interface.encodeFunctionData('verifyProof', [a, b, c, signals]))
    const batch = proofs.slice(0, 3)
    expect(encodeBatchCalldata(batch)).to.equal(
      verifier.interface.encodeFunctionData('verifyBatch', [
        batch.map(words).map(({ a, b, c }) => ({ a, b, c })),
        batch.map(({ publicSignals }) => [...publicSignals]),
      ]),
    )
  })

  it('costs at most 245,000 gas for a whole transaction, and far less for each proof of a batch', async () => {
    const [signer] = await ethers.getSigners()
    const to = await verifier.getAddress()
    const send = async (data: string) => Number((await (await signer!.sendTransaction({ to, data })).wait())!.gasUsed)
    const single = await send(encodeVerifyCalldata(proofs[0]!.proof, proofs[0]!.publicSignals))
    expect(single).to.be.below(245_000)
    const eight = await send(encodeBatchCalldata([...proofs, ...proofs].slice(0, 8)))
    expect(eight / 8).to.be.below(100_000)
    const sixteen = await send(encodeBatchCalldata(Array.from({ length: 16 }, (_, i) => proofs[i % proofs.length]!)))
    expect(sixteen / 16).to.be.below(75_000)
    expect(deployedBytes).to.be.below(24_576)
  })

  it('refuses to write a contract under a name that is no identifier', () => {
    for (const name of ['', '1st', 'a b', 'x;y', 'a'.repeat(65)]) {
      expect(() => exportVerifier(key, { name, setupKind: 'local' }), name).to.throw(RangeError, 'identifier')
    }
    expect(() => exportVerifier(key, { name: 'V', setupKind: 'local', subject: 'a\nb' })).to.throw(RangeError)
  })

  it('never says no of true proofs for want of gas, alone or in a batch: it reverts', async () => {
    const single = words(proofs[0]!)
    const batch = proofs.slice(0, 3).map(words)
    const calls: [string, bigint, (gasLimit: bigint) => Promise<boolean>][] = [
      [
        'single',
        260_000n,
        (gasLimit) => verifier.verifyProof!.staticCall(single.a, single.b, single.c, single.signals, { gasLimit }),
      ],
      [
        'batch',
        420_000n,
        (gasLimit) =>
          verifier.verifyBatch!.staticCall(
            batch.map(({ a, b, c }) => ({ a, b, c })),
            batch.map(({ signals }) => signals),
            { gasLimit },
          ),
      ],
    ]
    for (const [what, most, call] of calls) {
      let held = 0
      for (let gas = 40_000n; gas <= most; gas += 1_000n) {
        const answer = await call(gas).catch(() => 'reverted' as const)
        expect(answer, `${what} at ${gas}`).to.not.equal(false)
        if (answer === true) held++
      }
      expect(held, `${what}: the sweep reached enough gas`).to.be.above(0)
    }
  })
})

function modInverse(value: bigint): bigint {
  let [result, base, exponent] = [1n, value, SCALAR_FIELD - 2n]
  for (; exponent > 0n; exponent >>= 1n, base = (base * base) % SCALAR_FIELD) {
    if (exponent & 1n) result = (result * base) % SCALAR_FIELD
  }
  return result
}
