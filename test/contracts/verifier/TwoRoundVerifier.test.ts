// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { network } from 'hardhat'
import { BASE_FIELD, SCALAR_FIELD } from '../../../keepers/zkml/bn254.ts'
import { encodeBatchCalldata, encodeVerifyCalldata } from '../../../keepers/zkml/verifier/calldata.ts'
import { twoRoundKeyHash } from '../../../keepers/zkml/verifier/two-round-key.ts'
import { exportTwoRoundVerifier } from '../../../keepers/zkml/verifier/two-round-solidity.ts'
import { pointOutsideSubgroup } from '../../keepers/zkml/outside-subgroup.ts'
import { type Deployed, deployTwoRound, type Words, words } from './two-round.ts'

const { ethers } = await network.create()

for (const challenges of [1, 2] as const) {
  describe(`emitted verifier of Groth16 in two rounds, ${challenges === 1 ? 'one challenge' : 'two challenges'}`, () => {
    let deployed: Deployed
    const at = (index: number) => words(deployed.proofs[index]!)
    const verify = ({ a, b, c, signals }: Words, overrides = {}): Promise<boolean> =>
      deployed.verifier.verifyProof!.staticCall(a, b, c, signals, overrides)
    const verifyBatch = (batch: Words[], overrides = {}): Promise<boolean> =>
      deployed.verifier.verifyBatch!.staticCall(
        batch.map(({ a, b, c }) => ({ a, b, c })),
        batch.map(({ signals }) => signals),
        overrides,
      )

    before(async () => {
      deployed = await deployTwoRound(ethers, challenges, [1, 200, 33, 1])
    })

    it('accepts honest proofs, alone and in batches: it computes the challenges that the prover did', async () => {
      for (let i = 0; i < 4; i++) expect(await verify(at(i))).to.equal(true)
      for (const size of [1, 2, 4]) expect(await verifyBatch([0, 1, 2, 3].slice(0, size).map(at))).to.equal(true)
      expect(await verifyBatch([at(0), at(0)])).to.equal(true)
    })

    it('states the hash of its own key, its system, and that the key is local', async () => {
      const { verifier, test } = deployed
      expect(await verifier.vkHash!()).to.equal(twoRoundKeyHash(test.key))
      expect(await verifier.SETUP_KIND!()).to.equal(1n)
      expect(await verifier.SYSTEM!()).to.equal('groth16-lookup')
    })

    it('refuses every changed word, alias and point at infinity, without reverting', async () => {
      const changes = [(x: bigint) => x + 1n, () => 0n, (x: bigint) => x ^ (1n << 200n)]
      for (const part of ['a', 'b', 'c', 'signals'] as const) {
        const size = part === 'b' || part === 'signals' ? 4 : 2
        const alias = part === 'signals' ? SCALAR_FIELD : BASE_FIELD
        for (let i = 0; i < size; i++) {
          for (const change of [...changes, (x: bigint) => x + alias]) {
            const forged = at(1)
            const row = part === 'b' ? forged.b[i >> 1]! : forged[part]
            const index = part === 'b' ? i & 1 : i
            row[index] = change(row[index]!)
            expect(await verify(forged), `${part}[${i}]`).to.equal(false)
            if (change === changes[0]) expect(await verifyBatch([at(0), forged]), `${part}[${i}]`).to.equal(false)
          }
        }
      }
      expect(await verify({ ...at(1), a: [0n, 0n] }), 'A at infinity').to.equal(false)
      const [x, y] = at(1).a as [bigint, bigint]
      expect(await verify({ ...at(1), a: [x, BASE_FIELD - y] }), '−A').to.equal(false)
      for (const i of [0, 1]) {
        // Zero is no x of the curve; bit 255 is the sign of y, and bit 254 belongs to no x below q.
        for (const change of [() => 0n, (word: bigint) => word ^ (1n << 255n), (word: bigint) => word ^ (1n << 254n)]) {
          const c = [...at(1).c]
          c[i] = change(c[i]!)
          expect(await verify({ ...at(1), c }), `c[${i}]`).to.equal(false)
          expect(await verifyBatch([at(0), { ...at(1), c }]), `c[${i}]`).to.equal(false)
        }
      }
      const zero = [0n, 0n]
      expect(await verify({ ...at(1), b: [zero, zero] })).to.equal(false)
      expect(await verify({ a: zero, b: [zero, zero], c: zero, signals: at(1).signals })).to.equal(false)
    })

    it('refuses parts of another proof, of the same statement too, and parts exchanged', async () => {
      for (const other of [at(1), at(3)]) {
        for (const part of ['a', 'b', 'c'] as const) {
          expect(await verify({ ...at(0), [part]: other[part] }), part).to.equal(false)
        }
        for (const i of [0, 1]) {
          const c = [...at(0).c]
          c[i] = other.c[i]!
          expect(await verify({ ...at(0), c }), `c[${i}]`).to.equal(false)
        }
      }
      expect(await verify({ ...at(0), signals: at(1).signals })).to.equal(false)
      expect(await verify({ ...at(0), c: at(0).c.toReversed() })).to.equal(false)
      const exchanged = [at(0), at(1)] as const
      for (const part of ['c', 'signals'] as const) {
        const batch = exchanged.map((proof, i) => ({ ...proof, [part]: exchanged[1 - i]![part] }))
        expect(await verifyBatch(batch), part).to.equal(false)
      }
    })

    it('refuses a B on the twist but outside the subgroup, at a bounded price', async () => {
      const forged = { ...at(0), b: pointOutsideSubgroup() }
      expect(await verify(forged)).to.equal(false)
      expect(await verifyBatch([at(1), forged])).to.equal(false)
      const { a, b, c, signals } = forged
      const gas = await deployed.verifier.getFunction('verifyProof').estimateGas(a, b, c, signals)
      expect(Number(gas)).to.be.below(700_000)
    })

    it('reverts for an empty batch and for one whose halves differ in length', async () => {
      const { verifier } = deployed
      const { a, b, c, signals } = at(0)
      await expect(verifier.verifyBatch!([], []))
        .to.be.revertedWithCustomError(verifier, 'BatchLengthMismatch')
        .withArgs(0, 0)
      await expect(verifier.verifyBatch!([{ a, b, c }], [signals, signals]))
        .to.be.revertedWithCustomError(verifier, 'BatchLengthMismatch')
        .withArgs(1, 2)
    })

    it('takes exactly the calldata that is encoded for it, in which there is no challenge', async () => {
      const { verifier, proofs } = deployed
      const { a, b, c, signals } = at(2)
      const single = encodeVerifyCalldata(proofs[2]!.proof, proofs[2]!.publicSignals)
      expect(single).to.equal(verifier.interface.encodeFunctionData('verifyProof', [a, b, c, signals]))
      // The words of a proof of plain Groth16: eight, and four signals.
      expect(single.length).to.equal(2 + 8 + 64 * 12)
      const batch = proofs.slice(0, 3)
      expect(encodeBatchCalldata(batch)).to.equal(
        verifier.interface.encodeFunctionData('verifyBatch', [
          batch.map(words).map(({ a, b, c }) => ({ a, b, c })),
          batch.map(({ publicSignals }) => [...publicSignals]),
        ]),
      )
    })

    it('never says no of true proofs for want of gas, alone or in a batch: it reverts', async () => {
      const calls = [
        ['single', 330_000n, (gasLimit: bigint) => verify(at(0), { gasLimit })],
        ['batch', 520_000n, (gasLimit: bigint) => verifyBatch([0, 1, 2].map(at), { gasLimit })],
      ] as const
      for (const [what, most, call] of calls) {
        let held = 0
        for (let gas = 30_000n; gas <= most; gas += 1_000n) {
          const answer = await call(gas).catch(() => 'reverted' as const)
          expect(answer, `${what} at ${gas}`).to.not.equal(false)
          if (answer === true) held++
        }
        expect(held, `${what}: the sweep reached enough gas`).to.be.above(10)
      }
    })

    it('refuses to write a contract under a name that is no identifier', () => {
      for (const options of [{ name: '1st' }, { name: 'V', subject: 'a\nb' }]) {
        expect(() => exportTwoRoundVerifier(deployed.test.key, { setupKind: 'local', ...options })).to.throw(RangeError)
      }
    })
  })
}
