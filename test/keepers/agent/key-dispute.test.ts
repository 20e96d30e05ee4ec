// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { keyConfirm } from '../../../keepers/agent/behaviours/key-confirm.ts'
import { keyJudge } from '../../../keepers/agent/behaviours/key-judge.ts'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { openComplaint, Secret } from '../../../keepers/fhe/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'
import { CRS, EPOCH } from '../fhe/ceremony.ts'
import { bentDealing } from '../fhe/dealer.ts'
import { KeyStage, seats } from './key-stage.ts'
import { cidOfBytes, seatOfIndex } from './round-stage.ts'

describe('the dealings that a key is made of', () => {
  let stage: KeyStage
  /** What is on the chain. */
  let truth: readonly Fact[]
  beforeEach(async () => {
    stage = await KeyStage.open()
    truth = [...stage.facts]
    // The first endpoint tells of another dealing of member 3's.
    stage.publish(3, bentDealing(stage.engine, { context: EPOCH, members: stage.frame.roster, crs: CRS }, 3))
  })
  afterEach(() => stage.close())

  const LATE = { time: 1_060 }

  it('the attack: one endpoint, believed, has an honest member confirm a key that no other makes, and it is convicted', async () => {
    expect(await keyConfirm(stage.step(1))).to.equal('done')
    const [said] = stage.sent.splice(0)
    expect(said!.method).to.equal('confirmKey')
    stage.facts.splice(0, Infinity, ...truth)
    stage.tell('KeyConfirmed', { seat: seatOfIndex(1), keyHash: said!.args[1] })
    expect((await stage.verdict(0)).convicted).to.equal(seats(1))
  })

  it('are not believed against another endpoint, for confirming as little as for accusing', async () => {
    stage.others = [truth]
    for (const forged of ['another dealing', 'a false one']) {
      if (forged === 'a false one') stage.dealFalsely(3, 1)
      for (const changes of [{}, LATE]) expect(await keyConfirm(stage.step(1, changes))).to.equal('again')
    }
    // One that does not answer beside it makes it no truer.
    stage.others = [truth, null]
    expect(await keyConfirm(stage.step(1, LATE))).to.equal('again')
    expect(stage.sent).to.deep.equal([])
    stage.facts.splice(0, Infinity, ...truth)
    expect(await keyConfirm(stage.step(1))).to.equal('done')
    expect(stage.sent.map(({ method }) => method)).to.deep.equal(['confirmKey'])
  })

  it('are believed of one endpoint when the others have not answered for half of the window', async () => {
    stage.facts.splice(0, Infinity, ...truth)
    stage.others = [null, null]
    expect(await keyConfirm(stage.step(1))).to.equal('again')
    expect(stage.sent).to.deep.equal([])
    expect(await keyConfirm(stage.step(1, LATE))).to.equal('done')
    expect(stage.sent.map(({ method }) => method)).to.deep.equal(['confirmKey'])
  })
})

describe('key generation among members who cheat', () => {
  let stage: KeyStage
  beforeEach(async () => {
    stage = await KeyStage.open()
  })
  afterEach(() => stage.close())

  describe('after a reorganisation in which a dealer reveals another dealing', () => {
    const other = () => bentDealing(stage.engine, { context: EPOCH, members: stage.frame.roster, crs: CRS }, 3)
    const calls = () => stage.sent.splice(0).map(({ method, args }) => [method, args[1]])

    it('a member neither confirms the key that it had made, which would convict it, nor makes another of what it dealt', async () => {
      await keyConfirm(stage.step(1))
      const [[method, keyHash]] = calls() as [[string, unknown]]
      expect(method).to.equal('confirmKey')
      stage.publish(3, other())
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
      // What judges would find had it gone on.
      stage.tell('KeyConfirmed', { seat: seatOfIndex(1), keyHash })
      expect((await stage.verdict(0)).convicted).to.equal(seats(1))
    })

    it('the attack: somebody else sends again what it said of the dealing before, and an honest member is convicted', async () => {
      const honest = stage.parties[3]!.messages
      stage.dealFalsely(3, 1)
      await keyConfirm(stage.step(1))
      const [said] = stage.sent.splice(0)
      expect(said!.method).to.equal('complain')
      stage.publish(3, honest)
      const [, accused, evidence] = said!.args
      stage.tell('KeyComplaint', { seat: seatOfIndex(1), accused, evidence })
      expect((await stage.verdict(0)).convicted).to.equal(seats(1))
    })

    it('it has said nothing yet: neither of a good dealing nor of a false one before the block is final, or half the window over', async () => {
      stage.confirmations = 3
      for (const deal of [() => undefined, () => stage.dealFalsely(3, 1)]) {
        deal()
        for (const block of [10, 11]) expect(await keyConfirm(stage.step(1, { block }))).to.equal('again')
        expect(calls()).to.deep.equal([])
      }
      expect(await keyConfirm(stage.step(1, { block: 12 }))).to.equal('done')
      expect(calls().map(([method]) => method)).to.deep.equal(['complain'])
      // Silence would cost the seat: a chain that makes few blocks is no reason for it.
      expect(await keyConfirm(stage.step(0, { time: 1_060 }))).to.equal('done')
      expect(calls()).to.have.length(1)
    })

    it('opens no share once it has confirmed: that key may be in use', async () => {
      await keyConfirm(stage.step(1))
      calls()
      stage.dealFalsely(3, 1)
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
    })

    it('nor confirms once it has opened one, though what it meant to do is long forgotten', async () => {
      const honest = stage.parties[3]!.messages
      stage.dealFalsely(3, 1)
      const { context } = stage.step(1)
      await keyConfirm(stage.step(1))
      expect(calls().map(([method]) => method)).to.deep.equal(['complain'])
      // Rounds that an endpoint makes up in this epoch let go of older intents; then it tells the truth.
      context.store.journal.prune(EPOCH.epoch, 100)
      stage.publish(3, honest)
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      stage.dealFalsely(0, 1)
      context.store.journal.prune(EPOCH.epoch, 100)
      await keyConfirm(stage.step(1))
      expect(calls()).to.deep.equal([])
    })

    it('does not accuse of a good dealing with the evidence of a bad one, nor confirm after it has opened a share', async () => {
      stage.dealFalsely(3, 1)
      await keyConfirm(stage.step(1))
      expect(calls().map(([method]) => method)).to.deep.equal(['complain'])
      stage.publish(3, other())
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
      stage.dealFalsely(3, 1)
      stage.dealFalsely(0, 1)
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
    })
  })

  it('convicts a dealer whose share to one member is false, on that member`s evidence, by every judge', async () => {
    stage.dealFalsely(3, 1)
    await stage.confirm(0, 1, 2)
    expect(stage.said('KeyConfirmed')).to.deep.equal([seatOfIndex(0), seatOfIndex(2)])
    expect(stage.said('KeyComplaint')).to.deep.equal([seatOfIndex(1)])
    for (const judge of [0, 1, 2]) {
      expect(await stage.verdict(judge)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
      expect(await keyJudge(stage.step(judge))).to.equal('done')
    }
    expect(stage.sent.map(({ method, args }) => [method, ...args])).to.deep.equal(
      [0, 1, 2].map(() => ['judge', BigInt(EPOCH.epoch), seats(3), 0n]),
    )
  })

  it('sends the same complaint and the same ballot after a crash, whatever it would find now', async () => {
    stage.dealFalsely(3, 1)
    await keyConfirm(stage.step(1))
    stage.blobs.clear()
    await keyConfirm(stage.step(1))
    const [first, again] = stage.sent.splice(0)
    expect(again).to.deep.equal(first)
    expect(first!.method).to.equal('complain')
    expect(String(first!.args[2]).length).to.equal(2 + 2 * 96)
  })

  it('convicts a member that accuses a good dealer, whatever it shows', async () => {
    const accuse = (evidence: Uint8Array) => {
      stage.tell('KeyComplaint', {
        seat: seatOfIndex(2),
        accused: seatOfIndex(0),
        evidence: `0x${Buffer.from(evidence).toString('hex')}`,
      })
    }
    await stage.confirm(0, 1, 3)
    const { keys } = stage.parties[2]!
    const evidence = openComplaint(stage.engine, {
      context: EPOCH,
      members: stage.frame.roster,
      crs: CRS,
      self: 2,
      encryptionKey: keys.secretKey.reveal((bytes) => Secret.take(bytes.slice())),
      accused: 0,
      dealing: stage.parties[0]!.messages.dealing,
      sealedShare: stage.parties[0]!.messages.sealedShares[2]!,
    })
    const rubbish = new Uint8Array(96).fill(7)
    for (const shown of [evidence, rubbish, rubbish.slice(1)]) {
      accuse(shown)
      expect(await stage.verdict(1)).to.deep.equal({ convicted: seats(2), excused: 0n, waiting: false })
      stage.facts.pop()
    }
  })

  it('excuses, without a penalty, a member that says it got nothing while the others have it', async () => {
    await stage.confirm(0, 1, 3)
    stage.tell('KeyComplaint', { seat: seatOfIndex(2), accused: seatOfIndex(0), evidence: '0x' })
    expect(await stage.verdict(3)).to.deep.equal({ convicted: 0n, excused: seats(2), waiting: false })
  })

  it('excuses a dealer whose share, or whose index, nobody has, after waiting for it', async () => {
    const share = stage.parties[0]!.messages.sealedShares[2]!
    stage.blobs.delete(cidOfBytes(share))
    await stage.confirm(0, 1, 2, 3)
    expect(stage.said('KeyComplaint')).to.deep.equal([seatOfIndex(2)])
    expect(await stage.verdict(1)).to.deep.equal({ convicted: 0n, excused: seats(0), waiting: true })
    expect(await keyJudge(stage.step(1))).to.equal('again')
    expect(await keyJudge(stage.step(1, { time: 1_060 }))).to.equal('done')
    expect(stage.sent.at(-1)!.args).to.deep.equal([BigInt(EPOCH.epoch), 0n, seats(0)])
    // Once it is there, whoever accused has nothing to show.
    stage.put(share)
    expect(await stage.verdict(3)).to.deep.equal({ convicted: 0n, excused: seats(2), waiting: false })
    // Ballots are cast once.
    expect(await keyJudge(stage.step(1))).to.equal('done')
    expect(stage.sent.at(-1)!.args).to.deep.equal([BigInt(EPOCH.epoch), 0n, seats(0)])
  })

  it('convicts a dealer whose index is no index, or names other shares than its dealing, without evidence', async () => {
    const rubbish = stage.put(new Uint8Array(100).fill(1))
    stage.reveal(3, rubbish)
    await stage.confirm(0, 1, 2)
    expect(stage.said('KeyComplaint')).to.have.length(3)
    expect(await stage.verdict(0)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
    const { dealing, sealedShares } = stage.parties[3]!.messages
    const swapped = [...sealedShares]
    swapped[1] = sealedShares[2]!
    stage.publish(3, { dealing, sealedShares: swapped })
    // The others complain as before, of what they could fetch after all: they stay, for the dealer goes anyway.
    expect(await stage.verdict(2)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
  })

  it('excuses a member of another manifest: nobody can say whose is right', async () => {
    stage.publish(3, stage.parties[3]!.messages, exampleManifest('logistic', { rounds: { clipBound: 2 } }))
    await stage.confirm(0, 1, 2)
    expect(stage.said('KeyComplaint')).to.have.length(3)
    expect(await stage.verdict(0)).to.deep.equal({ convicted: 0n, excused: seats(3), waiting: false })
  })

  it('convicts who confirms another key than the dealings make', async () => {
    await stage.confirm(0, 1, 2)
    stage.tell('KeyConfirmed', { seat: seatOfIndex(3), keyHash: `0x${'77'.repeat(32)}` })
    for (const judge of [0, 1]) {
      expect(await stage.verdict(judge)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
    }
  })

  it('is judged once, and only by members that have spoken', async () => {
    stage.dealFalsely(3, 1)
    await stage.confirm(0, 1)
    expect(await keyJudge(stage.step(2))).to.equal('done')
    const judged = { ...stage.snapshot.keyInfo, judged: seats(0) }
    expect(await keyJudge(stage.step(0, { keyInfo: judged }))).to.equal('done')
    expect(stage.sent).to.deep.equal([])
  })
})
