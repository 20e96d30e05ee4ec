// SPDX-License-Identifier: GPL-3.0-or-later
// A witness sealed for one prover of one job, and the same bytes anywhere else.
import { expect } from 'chai'
import { toBeHex, Wallet } from 'ethers'
import {
  decodeReference,
  decodeWitness,
  encodeReference,
  encodeWitness,
} from '../../../keepers/serving/prover-witness.ts'
import {
  openWitness,
  SEALED_OVERHEAD,
  type SealedFor,
  sealingKeyOf,
  sealWitness,
} from '../../../keepers/serving/sealed-witness.ts'

const prover = Wallet.createRandom()
const other = Wallet.createRandom()
const address = (n: number): string => toBeHex(n, 20)
const WITNESS = encodeWitness([{ sample: { input: Float64Array.of(3, 0, 7), salts: { input: 99n } } }] as never)
const TERMS = { startPrice: 1n, maxPrice: 2n, deadline: 1_900_000_000n, claimSeconds: 60, copies: 1 }
const SEGMENTS = [{ circuitId: toBeHex(5, 32), modelCommitment: 6n, inputCommitment: 7n }]
const FOR: SealedFor = {
  chainId: 31_337n,
  market: address(0xabc),
  poster: address(0xdef),
  prover: prover.address,
  terms: TERMS,
  segments: SEGMENTS,
}
const sealed = (): Uint8Array => sealWitness(WITNESS, prover.signingKey.publicKey, FOR)

const codeOf = (body: () => unknown): string => {
  try {
    body()
    return 'taken'
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}

describe('a sealed witness', () => {
  it('is opened by the prover, says nothing to anybody else, and never twice the same', () => {
    const bytes = sealed()
    expect(bytes.length).to.equal(WITNESS.length + SEALED_OVERHEAD)
    expect(openWitness(bytes, prover.privateKey, FOR)).to.deep.equal(WITNESS)
    expect(Buffer.from(bytes).includes(Buffer.from(WITNESS.subarray(0, 16)))).to.equal(false)
    expect(bytes).to.not.deep.equal(sealed())
    expect(codeOf(() => openWitness(bytes, other.privateKey, FOR))).to.equal('bad-payload')
    // Whoever the poster gave the compressed key of.
    const compressed = sealWitness(WITNESS, prover.signingKey.compressedPublicKey, FOR)
    expect(openWitness(compressed, prover.privateKey, FOR)).to.deep.equal(WITNESS)
  })

  const elsewhere: [string, Partial<SealedFor>][] = [
    ['another prover', { prover: other.address }],
    ['another market', { market: address(0xabd) }],
    ['another chain', { chainId: 1n }],
    ['another poster', { poster: address(0xdee) }],
    ['a job with other terms', { terms: { ...TERMS, deadline: TERMS.deadline + 1n } }],
    ['a job about another input', { segments: [{ ...SEGMENTS[0]!, inputCommitment: 8n }] }],
    ['a job about another model', { segments: [{ ...SEGMENTS[0]!, modelCommitment: 8n }] }],
    ['a job with a segment more', { segments: [...SEGMENTS, ...SEGMENTS] }],
  ]
  for (const [what, change] of elsewhere) {
    it(`is worth nothing when it is copied to ${what}`, () => {
      expect(codeOf(() => openWitness(sealed(), prover.privateKey, { ...FOR, ...change }))).to.equal('bad-payload')
    })
  }

  it('is refused when it is cut, longer, or changed in any byte', () => {
    const bytes = sealed()
    for (const length of [0, 1, 32, 33, SEALED_OVERHEAD - 1, SEALED_OVERHEAD, bytes.length - 1]) {
      expect(
        codeOf(() => openWitness(bytes.subarray(0, length), prover.privateKey, FOR)),
        `${length}`,
      ).to.equal('bad-payload')
    }
    const longer = Uint8Array.of(...bytes, 0)
    expect(codeOf(() => openWitness(longer, prover.privateKey, FOR))).to.equal('bad-payload')
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Uint8Array.from(bytes)
      changed[at]! ^= 1
      expect(
        codeOf(() => openWitness(changed, prover.privateKey, FOR)),
        `byte ${at}`,
      ).to.equal('bad-payload')
    }
  })

  it('is sealed for no key but the prover’s own', () => {
    const keys = [other.signingKey.publicKey, '0x', `0x02${'ff'.repeat(32)}`, `0x04${'00'.repeat(64)}`]
    for (const key of keys)
      expect(
        codeOf(() => sealWitness(WITNESS, key, FOR)),
        key,
      ).to.equal('bad-payload')
  })

  it('does not stand for a public one, nor the other way round', () => {
    const [open, shut] = [false, true].map((kind) => encodeReference({ document: sealed() }, kind))
    expect(codeOf(() => decodeReference(open!, true))).to.equal('bad-payload')
    expect(codeOf(() => decodeReference(shut!))).to.equal('bad-payload')
    const back = decodeReference(encodeReference({ cid: 'bafy', providers: [] }, true), true)
    expect(back).to.deep.equal({ cid: 'bafy', providers: [] })
    expect(decodeWitness(openWitness(sealed(), prover.privateKey, FOR))[0]!.salts.input).to.equal(99n)
  })
})

describe('the key that a prover’s transactions show', () => {
  const signedBy = async (wallet: { signTransaction: Wallet['signTransaction']; address: string }) => {
    const { Transaction } = await import('ethers')
    const raw = await wallet.signTransaction({ type: 2, chainId: 31_337, nonce: 1, gasLimit: 21_000, to: address(1) })
    return Transaction.from(raw)
  }
  const ask = async (found: unknown[]): Promise<string> => {
    const market = {
      filters: { Bonded: () => null },
      queryFilter: async () => found.map((_, i) => ({ transactionHash: `${i}` })),
    }
    const provider = { getTransaction: async (hash: string) => found[Number(hash)] }
    return sealingKeyOf(market as never, provider as never, prover.address, 0)
  }

  it('is taken from a bond, and from nothing that an endpoint makes up', async () => {
    const own = await signedBy(prover)
    expect(await ask([own])).to.equal(prover.signingKey.publicKey)
    // Somebody else's transaction, said to be the prover's.
    const foreign = await signedBy(other)
    const told = new Proxy(foreign, {
      get: (of, name) => (name === 'from' ? prover.address : Reflect.get(of, name, of)),
    })
    for (const found of [[], [null], [foreign], [told], [{ from: prover.address }]]) {
      expect(await ask(found).catch((error: { code: string }) => error.code)).to.equal('unanswered')
    }
    expect(await ask([own, told])).to.equal(prover.signingKey.publicKey)
  })
})
