// SPDX-License-Identifier: GPL-3.0-or-later
import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto'
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import {
  combine,
  type Member,
  openEngine,
  partialDecrypt,
  type RoundContext,
  Secret,
} from '../../../keepers/fhe/index.ts'
import { derivePairKeys } from '../../../keepers/fhe/masks.ts'
import { lagrangeAtZero } from '../../../keepers/fhe/shamir.ts'
import { add, bareShare, coefficients, product, subtract } from './arithmetic.ts'
import { makeMembers, ROUND } from './ceremony.ts'
import { masksOf, pairKeyIn, type Request } from './masks.ts'
import { refuses } from './rejection.ts'
import { openRound, polynomialOf, polynomialOfRound, type Round, shareRequest, sharesOf } from './round.ts'

const ACTIVE = [0, 2, 3, 4]

describe('fhe masks', () => {
  let round: Round
  let core: Core
  before(async () => {
    round = await openRound({ vectorLength: 2 * 8191, wholeWire: true })
    core = await Core.open(round.plan)
  })
  after(async () => {
    core[Symbol.dispose]()
    await round.engine.close()
  })

  const key = (member: number) => round.keys.memberKeys.get(member)!
  const request = (activeSet: readonly number[], options: Partial<Request> = {}): Request => ({
    plan: round.plan,
    context: ROUND,
    keyHash: round.keys.keyHash,
    contributors: round.sum.contributors,
    activeSet,
    ...options,
  })
  const mask = (member: number, of = request(ACTIVE), peers = of.activeSet) =>
    masksOf(core.kernel, key(member), of, peers)
  const isZero = (polynomial: Uint8Array) => polynomial.every((byte) => byte === 0)

  /** a·(λ·Σ f_i(α_j) + masks) worked out slowly, taken off a share: the flooding, if all of it is right. */
  function restOf(share: Uint8Array, member: number, index: number, of: Request): bigint[] {
    const { kernel } = core
    const a = polynomialOfRound(round, index, of.context)
    const lambdas = round.plan.set.primes.slice(0, 2).map((p) => lagrangeAtZero(of.activeSet, member, p))
    const bare = bareShare(kernel, a, key(member), of.contributors, lambdas)
    const masked = add(kernel, bare, product(kernel, a, mask(member, of), [1n, 1n]))
    return coefficients(kernel, subtract(kernel, polynomialOf(round, share, index), masked))
  }

  it('appear in every share as a slow computation puts them, for any active set, in any order, in each ciphertext', async () => {
    const reach = 3n << BigInt(round.plan.flooding.uniformBits - 1)
    for (const activeSet of [ACTIVE, [4, 3, 0, 2], [0, 1, 2], [1, 2, 3, 4, 0]]) {
      const shares = await sharesOf(round, activeSet)
      for (const [at, member] of activeSet.entries()) {
        for (const index of [0, 1]) {
          const rest = restOf(shares[at]!, member, index, request(activeSet))
          expect(rest.every((value) => value < reach && value > -reach)).to.equal(true)
        }
      }
    }
  })

  it('cancel in the sum over the whole active set, and over no part of it', () => {
    const { kernel } = core
    const sum = (members: readonly number[]) =>
      members.reduce(
        (all, member) => add(kernel, all, mask(member)),
        new Uint8Array(round.plan.bytes.polynomial) as Uint8Array,
      )
    expect(isZero(sum(ACTIVE))).to.equal(true)
    for (const left of ACTIVE) expect(isZero(sum(ACTIVE.filter((member) => member !== left)))).to.equal(false)
  })

  it('differ for every pair, round, sum, active set, key and plan, and are never zero', () => {
    const later: RoundContext = { ...ROUND, round: ROUND.round + 1 }
    const seen = [
      ...ACTIVE.flatMap((j) => ACTIVE.filter((k) => k > j).map((k) => mask(j, request(ACTIVE), [k]))),
      mask(0, request(ACTIVE, { context: later }), [2]),
      mask(0, request(ACTIVE, { context: { ...ROUND, epoch: 4 } }), [2]),
      mask(0, request(ACTIVE, { contributors: [0, 1, 2, 3] }), [2]),
      mask(0, request([0, 1, 2]), [2]),
      mask(0, request(ACTIVE, { keyHash: new Uint8Array(32) }), [2]),
      mask(0, request(ACTIVE, { plan: { ...round.plan, hash: new Uint8Array(32) } }), [2]),
    ].map((polynomial) => Buffer.from(polynomial).toString('base64'))
    expect(new Set(seen).size).to.equal(seen.length)
    expect(seen.some((text) => /^A*=*$/.test(text))).to.equal(false)
    // The residues of one prime differ from the other's.
    const one = mask(0, request(ACTIVE), [2])
    expect(Buffer.compare(one.subarray(0, one.length / 2), one.subarray(one.length / 2))).to.not.equal(0)
    // Both ends have the same, and a member none with itself.
    expect(
      Buffer.compare(mask(2, request(ACTIVE), [0]), subtract(core.kernel, new Uint8Array(one.length), one)),
    ).to.equal(0)
    expect(isZero(mask(2, request(ACTIVE), [2]))).to.equal(true)
  })

  it('come from the X25519 secret of the pair, the key hash and both indices, by Node’s own cryptography', () => {
    const { parties, keyHash, members } = round.keys
    for (const [j, k] of [
      [0, 3],
      [3, 0],
      [4, 1],
    ] as const) {
      const pkcs8 = parties[j]!.keys.secretKey.reveal((bytes) =>
        Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), bytes]),
      )
      const spki = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), members[k]!.encryptionKey])
      const shared = diffieHellman({
        privateKey: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
        publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }),
      })
      const info = Buffer.concat([
        Buffer.from('cohort/fhe/pair key/1'),
        Buffer.from(Uint16Array.of(Math.min(j, k), Math.max(j, k)).buffer),
      ])
      const wanted = Buffer.from(hkdfSync('sha256', shared, keyHash, info, 32))
      expect(Buffer.compare(pairKeyIn(round.plan, key(j), k), wanted), `${j}, ${k}`).to.equal(0)
    }
    for (const j of ACTIVE) expect(isZero(pairKeyIn(round.plan, key(j), j))).to.equal(true)
  })

  it('are zero towards a member with a key of small order, and differ for two members with one key', async () => {
    const { keys, members } = makeMembers(4)
    const one = new Uint8Array(32)
    one[0] = 1
    const roster = (encryptionKey: Uint8Array): Member[] => [...members.slice(0, 3), { ...members[3]!, encryptionKey }]
    const keyHash = new Uint8Array(32).fill(5)
    const pairKeys = (self: number, encryptionKey: Uint8Array) =>
      derivePairKeys({ members: roster(encryptionKey), self, keyHash }, keys[self]!.secretKey)
    for (const small of [new Uint8Array(32), one]) {
      const all = await pairKeys(0, small)
      expect([...all.subarray(96)]).to.deep.equal(new Array(32).fill(0))
      for (const peer of [1, 2]) expect(isZero(all.subarray(32 * peer, 32 * peer + 32))).to.equal(false)
    }
    // Member 3 copies the key of member 1: it cannot compute this mask, which still differs.
    const all = await pairKeys(0, members[1]!.encryptionKey)
    expect(Buffer.compare(all.subarray(32, 64), all.subarray(96))).to.not.equal(0)
    expect(isZero(all.subarray(96))).to.equal(false)
    // It may even copy the caller's own.
    expect(isZero((await pairKeys(0, members[0]!.encryptionKey)).subarray(96))).to.equal(false)
  })

  it('stop being derived when key generation is called off', async () => {
    const { keys, members } = makeMembers(3)
    const stop = new Error('the epoch is over')
    const of = { members, self: 0, keyHash: new Uint8Array(32) }
    const failed = await derivePairKeys(of, keys[0]!.secretKey, AbortSignal.abort(stop)).catch(
      (error: unknown) => error,
    )
    expect(failed).to.equal(stop)
  })

  it('let a round go on with an active member without a usable key', async () => {
    // The state of members 0 and 4 if 2 had registered a point of small order, and of 2 itself.
    const without = (member: number, peers: readonly number[]) => {
      const material = key(member).material.reveal((bytes) => bytes.slice())
      const from = round.plan.set.degree + 32 + round.plan.members * round.plan.bytes.dealt
      for (const peer of peers) material.fill(0, from + 32 * peer, from + 32 * peer + 32)
      return material
    }
    const activeSet = [0, 2, 4]
    const shares: Uint8Array[] = []
    for (const member of activeSet) {
      const material = Secret.take(without(member, member === 2 ? activeSet : [2]))
      const asked = shareRequest(round, member, activeSet)
      shares.push(await partialDecrypt(round.engine, { ...asked, memberKey: { ...asked.memberKey, material } }))
    }
    const { mean } = await combine(round.engine, {
      context: ROUND,
      aggregate: round.sum,
      totalWeight: round.sum.contributors.length,
      activeSet,
      shares,
    })
    const wanted = round.vectors.reduce((sum, vector) => sum + vector[9]!, 0) / round.vectors.length
    expect(mean[9]).to.be.closeTo(wanted, round.plan.precision.meanError)
    // With honest keys there is a mask between 0 and 2; when only one of the two adds it, nothing opens.
    shares[0] = (await sharesOf(round, activeSet))[0]!
    await refuses('integrity-failed', () =>
      combine(round.engine, {
        context: ROUND,
        aggregate: round.sum,
        totalWeight: round.sum.contributors.length,
        activeSet,
        shares,
      }),
    )
  })

  it('have the same bytes on one thread and on a pool of two', async () => {
    const pooled = await openEngine(round.plan, { workers: 2 })
    const [inline] = await sharesOf(round, ACTIVE)
    const [threaded] = await sharesOf({ ...round, engine: pooled }, ACTIVE)
    await pooled.close()
    expect(Buffer.compare(inline!, threaded!)).to.equal(0)
  })
})
