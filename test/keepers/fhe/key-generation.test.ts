// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { openSealed, sealTo } from '../../../keepers/fhe/envelope.ts'
import {
  aggregate,
  checkKeyTest,
  combine,
  type Engine,
  encryptUpdate,
  exportSecretShare,
  finishKeyGeneration,
  generateEncryptionKey,
  importCollectiveKey,
  importEncryptionKey,
  importSecretShare,
  KEY_TEST_ROUND,
  keyTestVector,
  MemoryShareGuard,
  openEngine,
  type Plan,
  partialDecrypt,
  rosterHash,
  Secret,
  type SecretShare,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'
import { commitmentDigest } from '../../../keepers/fhe/key-messages.ts'
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
  function with_(field: 'commitments' | 'publicKeyShares' | 'sealedShares', index: number, bytes: Uint8Array): Request {
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
      expect(messages.commitment.length).to.equal(plan.bytes.commitment)
      expect(messages.publicKeyShare.length).to.equal(plan.bytes.publicKeyShare)
      for (const sealed of messages.sealedShares) expect(sealed.length).to.equal(plan.bytes.sealedShare)
    }
  })

  it('ends with one key for everyone, loadable by its hash', async () => {
    const outcomes = []
    for (let self = 0; self < 4; self++) outcomes.push(await finishKeyGeneration(engine, honest(self)))
    const [first] = outcomes
    for (const { collectiveKey } of outcomes) {
      expect(Buffer.compare(collectiveKey.bytes, first!.collectiveKey.bytes)).to.equal(0)
      expect(Buffer.compare(collectiveKey.hash, first!.collectiveKey.hash)).to.equal(0)
    }
    const { bytes, hash } = first!.collectiveKey
    const { members } = started
    importCollectiveKey(engine, { context: EPOCH, members, bytes, hash })
    const import_ = (changed: object) => () =>
      importCollectiveKey(engine, { context: EPOCH, members, bytes, hash, ...changed })
    await refuses('wrong-key', import_({ bytes: flipped(bytes, 200) }))
    await refuses('wrong-key', import_({ context: { ...EPOCH, epoch: 4 } }))
    await refuses('wrong-key', import_({ members: [...members].reverse() }))
    await refuses('wrong-parms-id', import_({ bytes: flipped(bytes, 17) }))
    await refuses('truncated', import_({ bytes: bytes.subarray(0, -1) }))
    const large = bytes.slice()
    large.fill(0xff, 113, 121)
    await refuses('coefficient-out-of-range', import_({ bytes: large }))
  })

  it('repeating the end gives the same share, noise key included: no second noise for the same request', async () => {
    const [a, b] = [await finishKeyGeneration(engine, honest()), await finishKeyGeneration(engine, honest())]
    expect(a.secretShare.material.equals(b.secretShare.material)).to.equal(true)
    const other = await finishKeyGeneration(engine, honest(2))
    expect(a.secretShare.material.equals(other.secretShare.material)).to.equal(false)
  })

  it('starting again gives other secrets', async () => {
    const { members } = started
    const again = await startKeyGeneration(engine, { context: EPOCH, members, self: 1, crs: CRS })
    expect(Buffer.compare(again.publicKeyShare, started.parties[1]!.messages.publicKeyShare)).to.not.equal(0)
  })

  it('refuses a share revealed against its commitment, and names the member', async () => {
    const { commitment, publicKeyShare } = started.parties[3]!.messages
    const error = await refuses('commitment-mismatch', finish(with_('publicKeyShares', 3, flipped(publicKeyShare, -1))))
    expect(error.detail.sender).to.equal(3)
    await refuses('commitment-mismatch', finish(with_('commitments', 3, flipped(commitment, -1))))
  })

  it('refuses another sealed share than the one committed to, and one for somebody else', async () => {
    const { sealedShares } = started.parties[3]!.messages
    await refuses('sealed-share-mismatch', finish(with_('sealedShares', 3, flipped(sealedShares[1]!, -1))))
    const misdelivered = await refuses('wrong-receiver', finish(with_('sealedShares', 3, sealedShares[2]!)))
    expect(misdelivered.detail.sender).to.equal(3)
    await refuses('wrong-sender', finish(with_('sealedShares', 3, started.parties[2]!.messages.sealedShares[1]!)))
  })

  /** Member 3's messages rebuilt around another public-key share, commitments and digests in order. */
  function rebuilt(change: (publicKeyShare: Uint8Array) => void, sealed?: Uint8Array): Request {
    const publicKeyShare = started.parties[3]!.messages.publicKeyShare.slice()
    change(publicKeyShare)
    const commitment = started.parties[3]!.messages.commitment.slice()
    commitment.set(commitmentDigest(publicKeyShare), commitment.length - 32)
    const request = with_('publicKeyShares', 3, publicKeyShare)
    return {
      ...request,
      commitments: request.commitments.map((said, i) => (i === 3 ? commitment : said)),
      sealedShares: request.sealedShares.map((said, i) => (i === 3 && sealed !== undefined ? sealed : said)),
    }
  }

  it('refuses coefficients of q or more in a public key share, even well committed to', async () => {
    const error = await refuses(
      'coefficient-out-of-range',
      finish(rebuilt((share) => share.fill(0xff, share.length - 8))),
    )
    expect(error.detail.sender).to.equal(3)
  })

  it('names the member whose message is malformed in any way', async () => {
    for (const field of ['commitments', 'publicKeyShares', 'sealedShares'] as const) {
      for (const bytes of [new Uint8Array(5), honest()[field][2]!, flipped(honest()[field][3]!, 36)]) {
        const error = await finish(with_(field, 3, bytes))().catch((thrown) => thrown)
        expect(error.detail.sender, error.message).to.equal(3)
        expect(error.message.split(error.code).length, 'the code once').to.equal(2)
      }
    }
  })

  it('refuses another roster or common reference string', async () => {
    await refuses('wrong-roster', finish(rebuilt((share) => share.fill(1, 84, 116))))
    await refuses('malformed-message', finish(rebuilt((share) => share.fill(1, 116, 148))))
    await refuses('malformed-message', finish({ ...honest(), crs: new Uint8Array(32) }))
    await refuses('wrong-roster', finish({ ...honest(), members: [...started.members].reverse(), self: 2 }))
  })

  it('refuses a sealed share that does not open, or holds coefficients of q or more', async () => {
    const { sealedShareBinding, sealedShareDigest, encodeSealedShare } = await import(
      '../../../keepers/fhe/key-messages.ts'
    )
    const frame = { plan, context: EPOCH, rosterHash: rosterHash(started.members), crs: CRS }
    const binding = sealedShareBinding(frame, 3, 1)
    const publicKey = started.members[1]!.encryptionKey
    const dealt = (sealed: Uint8Array) => {
      const message = encodeSealedShare(binding, sealed)
      return rebuilt((share) => share.set(sealedShareDigest(message), 84 + 64 + 32), message)
    }
    const fine = sealTo(publicKey, new Uint8Array(plan.bytes.polynomial), binding)
    await finish(dealt(fine))()
    await refuses('sealed-share-unreadable', finish(dealt(flipped(fine, -1))))
    await refuses('sealed-share-unreadable', finish(dealt(flipped(fine, 0))))
    const elsewhere = sealTo(publicKey, new Uint8Array(plan.bytes.polynomial), flipped(binding, 0))
    await refuses('sealed-share-unreadable', finish(dealt(elsewhere)))
    const large = sealTo(publicKey, new Uint8Array(plan.bytes.polynomial).fill(0xff), binding)
    await refuses('coefficient-out-of-range', finish(dealt(large)))
    // Our own mistake is nobody else's fault.
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
    await refuses('invalid-argument', finish({ ...honest(), commitments: honest().commitments.slice(1) }))
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
      // As long as an honest member's, so that the blob tells nothing and still parses.
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

describe('fhe stored key shares', () => {
  let plan: Plan
  let engine: Engine
  let share: SecretShare
  before(async () => {
    plan = testPlan(3, 2, { scaleBits: 'widest' })
    engine = await openEngine(plan)
    share = (await ceremony(engine, [1])).shares.get(1)!
  })
  after(() => engine.close())
  const bytesOf = () => exportSecretShare(plan, share).reveal((bytes) => bytes.slice())

  it('come back from their bytes, which are wiped', () => {
    const bytes = bytesOf()
    const again = importSecretShare(plan, { context: EPOCH, self: 1, bytes })
    expect(again.material.equals(share.material)).to.equal(true)
    expect(again.collectiveKeyHash).to.deep.equal(share.collectiveKeyHash)
    expect(bytes.every((byte) => byte === 0)).to.equal(true)
  })

  it('refuse another member, epoch, plan, length, or wiped bytes', async () => {
    const load =
      (changed: object, of = plan) =>
      () =>
        importSecretShare(of, { context: EPOCH, self: 1, bytes: bytesOf(), ...changed })
    await refuses('wrong-sender', load({ self: 0 }))
    await refuses('wrong-epoch', load({ context: { ...EPOCH, epoch: 4 } }))
    await refuses('wrong-plan', load({}, testPlan(3, 3)))
    await refuses('truncated', load({ bytes: bytesOf().subarray(0, -1) }))
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

  async function trial(shares: ReadonlyMap<number, SecretShare>, activeSet = everyone) {
    const { collectiveKey } = keys
    const vector = keyTestVector(plan, collectiveKey.hash)
    const updates = []
    for (const sender of [0, 2]) {
      const request = { context, sender, collectiveKey, vector, weight: plan.maxWeight }
      updates.push({ sender, bytes: await encryptUpdate(engine, request) })
    }
    const sum = await aggregate(engine, { context, collectiveKeyHash: collectiveKey.hash, updates })
    const parts = []
    for (const self of activeSet) {
      parts.push(
        await partialDecrypt(engine, {
          context,
          aggregate: sum,
          activeSet,
          secretShare: shares.get(self)!,
          guard: new MemoryShareGuard(),
          policy: { attestedHash: sum.hash, minContributors: 1, ownUpdate: 'abstained' },
        }),
      )
    }
    return combine(engine, { context, aggregate: sum, activeSet, shares: parts })
  }

  it('passes for an honest key, with one ciphertext whatever the model', async () => {
    const outcome = await trial(keys.shares)
    expect(outcome.mean.length).to.equal(4095)
    checkKeyTest(plan, keys.collectiveKey.hash, outcome)
  })

  it('needs everyone, so that every dealing is looked at', () =>
    refuses('too-few-shares', () => trial(keys.shares, [0, 1, 2])))

  it('fails when one member was dealt something else', async () => {
    const wrong = new Map(keys.shares)
    const material = Secret.take(keys.shares.get(3)!.material.reveal((bytes) => bytes.slice().fill(7, 1000, 1001)))
    wrong.set(3, { ...keys.shares.get(3)!, material })
    await refuses('integrity-failed', () => trial(wrong))
  })

  it('fails when the outcome is another vector', async () => {
    const outcome = await trial(keys.shares)
    await refuses('key-test-failed', () => checkKeyTest(plan, new Uint8Array(32), outcome))
    outcome.mean[77]! += 0.01
    await refuses('key-test-failed', () => checkKeyTest(plan, keys.collectiveKey.hash, outcome))
    outcome.mean[77] = Number.NaN
    await refuses('key-test-failed', () => checkKeyTest(plan, keys.collectiveKey.hash, outcome))
    const short = { ...outcome, mean: outcome.mean.slice(1) }
    await refuses('key-test-failed', () => checkKeyTest(plan, keys.collectiveKey.hash, short))
  })
})
