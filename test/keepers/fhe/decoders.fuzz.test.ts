// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  checkDecryptionShare,
  checkUpdate,
  decodeAggregate,
  exportMemberKey,
  FheError,
  finishKeyGeneration,
  importMemberKey,
  readClaim,
  updateClaim,
} from '../../../keepers/fhe/index.ts'
import { EPOCH, finishRequest, ROUND } from './ceremony.ts'
import { openRound, type Round, sharesOf } from './round.ts'

/** A small generator with a printed seed, so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    // xorshift32
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

const SEED = Number(process.env.COHORT_FUZZ_SEED ?? (Date.now() & 0x7fffffff) | 1)
const CASES = 250

describe(`fhe decoders under random bytes (COHORT_FUZZ_SEED=${SEED})`, () => {
  let round: Round
  let doors: Record<string, { good: Uint8Array; decode: (bytes: Uint8Array) => unknown; bodyFrom: number }>
  before(async () => {
    round = await openRound({}, 3, 2)
    const { engine, plan, keys, sum } = round
    const key = { context: ROUND, keyHash: keys.keyHash }
    const [share] = await sharesOf(round, [0, 1])
    const request = finishRequest(keys.parties, keys.members, 1)
    const finishWith = (field: 'dealings' | 'sealedShares') => (bytes: Uint8Array) =>
      finishKeyGeneration(engine, { ...request, [field]: request[field].map((said, i) => (i === 2 ? bytes : said)) })
    const stored = exportMemberKey(plan, keys.memberKeys.get(0)!).reveal((bytes) => bytes.slice())
    doors = {
      update: {
        good: round.updates[0]!.bytes,
        decode: (bytes) => checkUpdate(engine, bytes, { ...key, sender: 0 }),
        bodyFrom: 148,
      },
      aggregate: { good: sum.bytes, decode: (bytes) => decodeAggregate(engine, bytes, key), bodyFrom: 148 },
      'decryption share': {
        good: share!,
        decode: (bytes) =>
          checkDecryptionShare(engine, bytes, { ...key, contributors: sum.contributors, activeSet: [0, 1], sender: 0 }),
        bodyFrom: 180,
      },
      dealing: {
        good: request.dealings[2]!,
        decode: finishWith('dealings'),
        // Other members check the digests of shares sealed to them; the key hash covers them all.
        bodyFrom: 148,
      },
      'sealed share': {
        good: request.sealedShares[2]!,
        decode: finishWith('sealedShares'),
        bodyFrom: Number.POSITIVE_INFINITY,
      },
      'stored member key': {
        good: stored,
        // It wipes its input.
        decode: (bytes) => importMemberKey(plan, { context: EPOCH, self: 0, bytes: bytes.slice() }),
        bodyFrom: 84,
      },
      'stored claim': {
        good: updateClaim(engine, { ...key, sender: 0, bytes: round.updates[0]!.bytes }).bytes,
        decode: (bytes) => readClaim(plan, bytes),
        // Another member's claim, or a claim of another update, reads as well.
        bodyFrom: 0,
      },
    }
  })
  after(() => round.engine.close())

  const names = [
    'update',
    'aggregate',
    'decryption share',
    'dealing',
    'sealed share',
    'stored member key',
    'stored claim',
  ]
  for (const name of names) {
    it(`${name}: bit flips, truncations and noise are accepted or refused by name, never worse`, async () => {
      const { good, decode, bodyFrom } = doors[name]!
      await decode(good)
      const random = generator(SEED)
      // Some go through a whole key generation each.
      const cases = name === 'dealing' || name === 'sealed share' ? CASES / 10 : CASES
      let refusals = 0
      for (let i = 0; i < cases; i++) {
        let bytes = good.slice()
        // Half of the flips hit the first 200 bytes, where the structure is.
        const at = random(2) === 0 ? random(Math.min(200, bytes.length)) : random(bytes.length)
        const kind = i % 4
        if (kind < 2) bytes[at]! ^= 1 << random(8)
        else if (kind === 2) bytes = bytes.subarray(0, random(bytes.length))
        else for (let k = 0; k < 8; k++) bytes[(at + k) % bytes.length] = random(256)
        let accepted = true
        try {
          await decode(bytes)
        } catch (error) {
          accepted = false
          if (!(error instanceof FheError)) throw error
          refusals++
        }
        // Raw residues are as good as any; nothing before them is.
        if (accepted && at < bodyFrom && Buffer.compare(bytes, good) !== 0 && kind < 2) {
          // The contributors of an aggregate are a claim that only its hash and the attestation settle.
          expect(name === 'aggregate' && at >= 148 - 0, `case ${i}: a flip at ${at} went through`).to.equal(true)
        }
      }
      expect(refusals).to.be.above(cases / 3)
    })
  }
})
