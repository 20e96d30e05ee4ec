// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { openSealed, sealTo } from '../../../keepers/fhe/envelope.ts'
import {
  aggregate,
  checkKeyTest,
  combine,
  type Engine,
  encryptUpdate,
  exportMemberKey,
  type FheErrorCode,
  finishKeyGeneration,
  generateEncryptionKey,
  importEncryptionKey,
  importMemberKey,
  KEY_TEST_ROUND,
  keyTestVector,
  type MemberKey,
  MemoryOnceGuard,
  openEngine,
  type Plan,
  partialDecrypt,
  Secret,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'
import { sealedShareDigest } from '../../../keepers/fhe/key-messages.ts'
import { checkVector, shapeOf } from '../../../keepers/fhe/packing.ts'
import { type Ceremony, CRS, ceremony, EPOCH, finishRequest, makeMembers, startAll, testPlan } from './ceremony.ts'
import { refuses } from './rejection.ts'

describe('fhe key generation', () => {
  let plan: Plan
  let engine: Engine
  let started: Awaited<ReturnType<typeof startAll>>
  before(async () => {
    plan = testPlan(4, 3, { scaleBits: 'widest' })
    engine = await openEngine(plan)
    started = await startAll(engine)
  })
  after(() => engine.close())

  type Request = Parameters<typeof finishKeyGeneration>[1]
  const honest = (self = 1): Request => finishRequest(started.parties, started.members, self)
  /** Member `index` says something else in one of the lists. */
  function with_(field: 'dealings' | 'sealedShares', index: number, bytes: Uint8Array): Request {
    return { ...honest(), [field]: honest()[field].map((said, i) => (i === index ? bytes : said)) }
  }
  const finish = (request: Request) => () => finishKeyGeneration(engine, request)
  const flipped = (bytes: Uint8Array, at: number) => {
    const copy = bytes.slice()
    copy[at < 0 ? copy.length + at : at]! ^= 1
    return copy
  }

  it('messages have the lengths that the plan states', () => {
    for (const { messages } of started.parties) {
      expect(messages.dealing.length).to.equal(plan.bytes.dealing)
      expect(messages.secret.length).to.equal(plan.bytes.memberSecret)
      for (const sealed of messages.sealedShares) expect(sealed.length).to.equal(plan.bytes.sealedShare)
    }
  })

  it('ends with one hash for everyone, which any other dealing changes', async () => {
    const keys = []
    for (let self = 0; self < 4; self++) keys.push(await finishKeyGeneration(engine, honest(self)))
    for (const { keyHash } of keys) expect(Buffer.compare(keyHash, keys[0]!.keyHash)).to.equal(0)
    const { members } = started
    const again = await startKeyGeneration(engine, { context: EPOCH, members, self: 3, crs: CRS })
    const redealt = with_('dealings', 3, again.dealing)
    const sealedShares = redealt.sealedShares.map((said, i) => (i === 3 ? again.sealedShares[1]! : said))
    const other = await finishKeyGeneration(engine, { ...redealt, sealedShares })
    expect(Buffer.compare(other.keyHash, keys[0]!.keyHash)).to.not.equal(0)
  })

  it('repeating the end gives the same key, noise key included: no second noise for the same request', async () => {
    const [a, b] = [await finishKeyGeneration(engine, honest()), await finishKeyGeneration(engine, honest())]
    expect(a.material.equals(b.material)).to.equal(true)
    const other = await finishKeyGeneration(engine, honest(2))
    expect(a.material.equals(other.material)).to.equal(false)
  })

  it('starting again gives other secrets, and they do not go with the first dealing', async () => {
    const { members } = started
    const again = await startKeyGeneration(engine, { context: EPOCH, members, self: 1, crs: CRS })
    expect(again.secret.equals(started.parties[1]!.messages.secret)).to.equal(false)
    expect(Buffer.compare(again.dealing, started.parties[1]!.messages.dealing)).to.not.equal(0)
    const error = await refuses('invalid-argument', finish({ ...honest(), secret: again.secret }))
    expect([error.detail.field, error.detail.sender]).to.deep.equal(['secret', undefined])
    await refuses('invalid-argument', finish({ ...honest(), secret: Secret.random(40) }))
  })

  it('refuses a sealed share that differs from the committed one, and one for somebody else', async () => {
    const { sealedShares } = started.parties[3]!.messages
    await refuses('sealed-share-mismatch', finish(with_('sealedShares', 3, flipped(sealedShares[1]!, -1))))
    const others = started.parties[2]!.messages.sealedShares[1]!
    for (const misdelivered of [sealedShares[2]!, others, new Uint8Array(5)]) {
      const error = await refuses('sealed-share-mismatch', finish(with_('sealedShares', 3, misdelivered)))
      expect([error.detail.sender, error.detail.complain]).to.deep.equal([3, 'fetch'])
    }
    // Named by its dealing, it is the dealer's fault.
    const named: [Uint8Array, FheErrorCode][] = [
      [sealedShares[2]!, 'wrong-receiver'],
      [others, 'wrong-sender'],
      [sealedShares[1]!.subarray(0, -1), 'truncated'],
      [new Uint8Array(Buffer.concat([sealedShares[1]!, Buffer.alloc(1)])), 'trailing-bytes'],
    ]
    for (const [share, code] of named) {
      const digest = sealedShareDigest(share)
      const error = await refuses(code, finish(rebuilt((dealing) => dealing.set(digest, 84 + 64 + 32), share)))
      expect([error.detail.sender, error.detail.complain]).to.deep.equal([3, 'public'])
    }
  })

  /** Member 3's dealing rebuilt, with another share sealed to member 1. */
  function rebuilt(change: (dealing: Uint8Array) => void, sealed?: Uint8Array): Request {
    const dealing = started.parties[3]!.messages.dealing.slice()
    change(dealing)
    const request = with_('dealings', 3, dealing)
    return {
      ...request,
      sealedShares: request.sealedShares.map((said, i) => (i === 3 && sealed !== undefined ? sealed : said)),
    }
  }

  it('names the sender of a message that is malformed in any way', async () => {
    for (const field of ['dealings', 'sealedShares'] as const) {
      for (const bytes of [new Uint8Array(5), honest()[field][2]!, flipped(honest()[field][3]!, 36)]) {
        const error = await finish(with_(field, 3, bytes))().catch((thrown) => thrown)
        expect(error.detail.sender, error.message).to.equal(3)
        expect(error.message.split(error.code).length, 'the code once').to.equal(2)
      }
    }
  })

  it('refuses another roster or common reference string', async () => {
    await refuses('wrong-roster', finish(rebuilt((dealing) => dealing.fill(1, 84, 116))))
    await refuses('malformed-message', finish(rebuilt((dealing) => dealing.fill(1, 116, 148))))
    await refuses('malformed-message', finish({ ...honest(), crs: new Uint8Array(32) }))
    await refuses('wrong-roster', finish({ ...honest(), members: [...started.members].reverse(), self: 2 }))
  })

  it('blames a mistake of the caller on no other member', async () => {
    const stranger = generateEncryptionKey().secretKey
    const own = await refuses('invalid-argument', finish({ ...honest(), encryptionKey: stranger }))
    expect(own.detail.sender).to.equal(undefined)
    stranger.dispose()
    await refuses('secret-disposed', finish({ ...honest(), encryptionKey: stranger }))
  })

  it('refuses messages of another chain, service, epoch or plan, and lists of the wrong length', async () => {
    await refuses('wrong-chain', finish({ ...honest(), context: { ...EPOCH, chainId: 1n } }))
    await refuses('wrong-service', finish({ ...honest(), context: { ...EPOCH, service: `0x${'1'.repeat(40)}` } }))
    await refuses('wrong-epoch', finish({ ...honest(), context: { ...EPOCH, epoch: 9 } }))
    await refuses('invalid-argument', finish({ ...honest(), dealings: honest().dealings.slice(1) }))
    await refuses('invalid-argument', finish({ ...honest(), self: 4 }))
    await refuses('invalid-argument', finish({ ...honest(), crs: new Uint8Array(31) }))
    const other = await openEngine(testPlan(4, 3, { scaleBits: 'widest', clipBound: 7 }))
    await refuses('wrong-plan', () => finishKeyGeneration(other, honest()))
    await other.close()
  })

  it('refuses rosters with repeated members or unusable keys', async () => {
    const { members } = makeMembers(4)
    const start = (changed: readonly (typeof members)[number][]) => () =>
      startKeyGeneration(engine, { context: EPOCH, members: changed, self: 0, crs: CRS })
    await refuses('invalid-argument', start(members.slice(1)))
    await refuses('invalid-argument', start([members[0]!, members[0]!, members[2]!, members[3]!]))
    await refuses(
      'invalid-argument',
      start([{ ...members[0]!, encryptionKey: new Uint8Array(31) }, ...members.slice(1)]),
    )
    await refuses('invalid-argument', start([{ ...members[0]!, address: '0x12' }, ...members.slice(1)]))
  })

  it('is not stopped by a member that registers a key of small order, or copies another’s', async () => {
    const { members } = makeMembers(4)
    const smallOrder = new Uint8Array(32)
    smallOrder[0] = 1
    for (const encryptionKey of [new Uint8Array(32), smallOrder, members[0]!.encryptionKey]) {
      const roster = [...members.slice(0, 3), { ...members[3]!, encryptionKey }]
      const { sealedShares } = await startKeyGeneration(engine, { context: EPOCH, members: roster, self: 0, crs: CRS })
      expect(sealedShares).to.have.length(4)
      // As long as an honest member's, so that the blob reveals nothing and still parses.
      expect(new Set(sealedShares.map((sealed) => sealed?.length).filter(Boolean)).size).to.equal(1)
    }
  })

  it('seals to one key only, and loads keys from their bytes', async () => {
    const [alice, bob] = [generateEncryptionKey(), generateEncryptionKey()]
    const binding = Uint8Array.of(1, 2, 3)
    const sealed = sealTo(alice.publicKey, Uint8Array.of(9, 9), binding)
    expect(openSealed(alice, sealed, binding, (plain) => [...plain])).to.deep.equal([9, 9])
    await refuses('sealed-share-unreadable', () => openSealed(bob, sealed, binding, () => 0))
    const bytes = alice.secretKey.reveal((key) => key.slice())
    expect(importEncryptionKey(bytes).publicKey).to.deep.equal(alice.publicKey)
    expect([...bytes]).to.deep.equal(new Array(32).fill(0))
    await refuses('invalid-argument', () => importEncryptionKey(new Uint8Array(31)))
  })
})

describe('fhe stored member keys', () => {
  let plan: Plan
  let engine: Engine
  let key: MemberKey
  before(async () => {
    plan = testPlan(3, 2, { scaleBits: 'widest' })
    engine = await openEngine(plan)
    key = (await ceremony(engine, [1])).memberKeys.get(1)!
  })
  after(() => engine.close())
  const bytesOf = () => exportMemberKey(plan, key).reveal((bytes) => bytes.slice())

  it('come back from their bytes, which are wiped', () => {
    const bytes = bytesOf()
    const again = importMemberKey(plan, { context: EPOCH, self: 1, bytes })
    expect(again.material.equals(key.material)).to.equal(true)
    expect(again.keyHash).to.deep.equal(key.keyHash)
    expect(bytes.every((byte) => byte === 0)).to.equal(true)
  })

  it('refuse another member, epoch, plan, length, or wiped bytes', async () => {
    const load =
      (changed: object, of = plan) =>
      () =>
        importMemberKey(of, { context: EPOCH, self: 1, bytes: bytesOf(), ...changed })
    await refuses('wrong-sender', load({ self: 0 }))
    await refuses('wrong-epoch', load({ context: { ...EPOCH, epoch: 4 } }))
    await refuses('wrong-plan', load({}, testPlan(3, 3)))
    await refuses('truncated', load({ bytes: bytesOf().subarray(0, -1) }))
    // The stored form of earlier releases: another wire version, and a type without pair keys.
    const with_ = (at: number, value: number) => load({ bytes: bytesOf().fill(value, at, at + 1) })
    await refuses('unsupported-version', with_(4, 2))
    await refuses('wrong-message-type', with_(5, 6))
    expect(key.material.length).to.equal(plan.bytes.memberKey)
    await refuses('trailing-bytes', load({ bytes: Buffer.concat([bytesOf(), Buffer.alloc(1)]) }))
    await refuses('malformed-message', load({ bytes: bytesOf().fill(0, 116) }))
  })
})

describe('fhe trial decryption', () => {
  let plan: Plan
  let engine: Engine
  let keys: Ceremony
  const context = { ...EPOCH, round: KEY_TEST_ROUND }
  const everyone = [0, 1, 2, 3]
  before(async () => {
    plan = testPlan(4, 3, { scaleBits: 'widest', vectorLength: 9000, maxWeight: 10 })
    engine = await openEngine(plan)
    keys = await ceremony(engine)
  })
  after(() => engine.close())

  async function trial(memberKeys: ReadonlyMap<number, MemberKey>, activeSet = everyone) {
    const { keyHash } = keys
    const vector = keyTestVector(plan, keyHash)
    const updates = []
    for (const sender of everyone) {
      const memberKey = memberKeys.get(sender)!
      const request = { context, memberKey, vector, weight: plan.maxWeight, guard: new MemoryOnceGuard() }
      updates.push({ sender, bytes: await encryptUpdate(engine, request) })
    }
    const sum = await aggregate(engine, { context, keyHash, updates })
    const parts = []
    for (const self of activeSet) {
      parts.push(
        await partialDecrypt(engine, {
          context,
          contributors: everyone,
          activeSet,
          memberKey: memberKeys.get(self)!,
          guard: new MemoryOnceGuard(),
          policy: { minContributors: 4, ownUpdate: 'included' },
        }),
      )
    }
    return combine(engine, {
      context,
      aggregate: sum,
      totalWeight: everyone.length * plan.maxWeight,
      activeSet,
      shares: parts,
    })
  }

  it('passes for an honest key, with one ciphertext whatever the model', async () => {
    const outcome = await trial(keys.memberKeys)
    expect(outcome.mean.length).to.equal(8191)
    checkKeyTest(plan, keys.keyHash, outcome)
  })

  it('has a vector that an encryption takes, however short updates must be', () => {
    for (const options of [{ vectorLength: 8191, clipNorm: 30 }, { clipNorm: 3 }, {}]) {
      const tight = testPlan(4, 3, { scaleBits: 'widest', maxWeight: 10, ...options })
      const vector = keyTestVector(tight, keys.keyHash)
      expect(Math.hypot(...vector)).to.be.within(0.01, tight.clipNorm)
      expect(Math.max(...vector.map(Math.abs))).to.be.at.most(tight.clipBound)
      expect(() => checkVector(tight, shapeOf(tight, KEY_TEST_ROUND), vector, tight.maxWeight)).to.not.throw()
    }
  })

  it('needs everyone, so that every dealing is looked at', () =>
    refuses('too-few-shares', () => trial(keys.memberKeys, [0, 1, 2])))

  it('fails when one member was dealt something else', async () => {
    const wrong = new Map(keys.memberKeys)
    const key = keys.memberKeys.get(3)!
    // One byte of what member 0 dealt to member 3.
    const at = plan.set.degree + 32 + 1000
    const material = Secret.take(key.material.reveal((bytes) => bytes.slice().fill(bytes[at]! ^ 1, at, at + 1)))
    wrong.set(3, { ...key, material })
    await refuses('integrity-failed', () => trial(wrong))
  })

  it('fails when the outcome is another vector', async () => {
    const outcome = await trial(keys.memberKeys)
    await refuses('key-test-failed', () => checkKeyTest(plan, new Uint8Array(32), outcome))
    outcome.mean[77]! += 0.01
    await refuses('key-test-failed', () => checkKeyTest(plan, keys.keyHash, outcome))
    outcome.mean[77] = Number.NaN
    await refuses('key-test-failed', () => checkKeyTest(plan, keys.keyHash, outcome))
    const short = { ...outcome, mean: outcome.mean.slice(1) }
    await refuses('key-test-failed', () => checkKeyTest(plan, keys.keyHash, short))
  })
})
