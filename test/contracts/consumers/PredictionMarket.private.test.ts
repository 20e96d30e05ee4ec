// SPDX-License-Identifier: GPL-3.0-or-later
// Markets that a story resolves which nobody is shown: signed with EdDSA-Poseidon, checked by the very circuit that classifies it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  commitInput,
  compileFolder,
  eddsaMaterial,
  eddsaPublicKey,
  InferenceProver,
  interpret,
  plainResult,
  setupFolder,
  signContent,
  signedCommitment,
  toSolidityProof,
} from '../../../keepers/zkml/index.ts'
import { randomIntegers, seeded, smallClassifier } from '../../keepers/zkml/circuit/programs.ts'
import { WEIGHTS } from '../inference/hub.ts'
import { createMarkets, DAY, DISPUTE, INVALID, MARGIN, STATUS } from './market.ts'
import { addReader } from './market-reader.ts'
import { KIND } from './publisher.ts'
import { labelled } from './reading-circuit.ts'

/** One outcome for each of two labels; the classifier abstains on the third. */
const CLASS_MAP = '0x0001ff'
const CID = `0x0155${'58'.repeat(34)}`
const [DESK, STRANGER] = [21, 22].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array]
const SALT = 2n ** 200n + 9n

/**
 * The markets of the other tests; the small classifier as version 4 (accepted, not released) and as model 4 of the hub; an
 * EdDSA-Poseidon key of publisher 1 (id 3) and one of publisher 2 (id 4).
 */
async function createPrivateMarkets(prover: InferenceProver) {
  const world = await createMarkets()
  const { owner, publishers, networkHelpers, market } = world
  const vkHash = await addReader(world, prover, 'Private', CID)
  const now = await networkHelpers.time.latest()
  for (const [index, seed] of [DESK, STRANGER].entries()) {
    const material = eddsaMaterial(eddsaPublicKey(seed))
    await publishers.connect(owner).addKey(index + 1, KIND.eddsa, now, now + 1000 * DAY, material)
  }
  const ask = (changes: object = {}) =>
    world.open({ modelId: 4, version: 4, vkHash, minMargin: 1n, classMap: CLASS_MAP, ...changes })

  type Telling = { input: Float64Array; salt?: bigint; seed?: Uint8Array; tag?: bigint; context?: bigint }
  /** What a market takes for private content that its publisher signed for it. */
  const tell = async (marketId: bigint, { input, salt = SALT, seed = DESK, ...other }: Telling) => {
    const tag = other.tag ?? BigInt(await market.tagOf(marketId))
    const context = other.context ?? (await market.contextOf(marketId))
    const signed = signContent(seed, commitInput(input, prover.circuit.folder.program.input, salt), tag)
    const { proof, publicSignals } = await prover.prove({
      ...{ input, integers: true, context, salts: { input: salt }, signed },
    })
    const { a, b, c } = toSolidityProof(proof)
    return {
      ...{ marketId, keyId: 3n, output: publicSignals[2]!, signals: publicSignals },
      proof: { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] },
    }
  }
  type Told = Awaited<ReturnType<typeof tell>>
  const submit = ({ marketId, keyId, output, proof }: Told) =>
    market.connect(world.stranger).resolvePrivate(marketId, keyId, output, proof as never)
  return { ...world, ask, tell, submit }
}

type World = Awaited<ReturnType<typeof createPrivateMarkets>>

describe('PredictionMarket with private stories and their circuit', function () {
  this.timeout(300_000)
  let prover: InferenceProver
  let folder: string
  let world: World
  let id: bigint
  /** One input for each label. */
  let inputs: Float64Array[]
  let honest: Awaited<ReturnType<World['tell']>>
  let start: { restore(): Promise<void> }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-private-'))
    await compileFolder({ folder, program: smallClassifier(), options: { input: 'signed' } })
    await setupFolder(folder)
    prover = await InferenceProver.open(folder)
    const random = seeded(44)
    const { program } = prover.circuit.folder
    const labelOf = (input: Float64Array) => Number(plainResult(program, interpret(program, input).scores) & 0xffffn)
    const candidates = Array.from({ length: 3000 }, () => randomIntegers(16, 0, 255, random))
    inputs = [0, 1, 2].map((label) => candidates.find((input) => labelOf(input) === label)!)
    world = await createPrivateMarkets(prover)
    id = await world.ask()
    honest = await world.tell(id, { input: inputs[0]! })
    start = await world.networkHelpers.takeSnapshot()
  })
  beforeEach(() => start.restore())
  after(async () => {
    await prover?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('refuses a model that the DAO has not released, and takes the same proof once it has', async () => {
    const { market, models, service, submit } = world
    await expect(submit(honest)).to.be.revertedWithCustomError(market, 'VersionNotReleased').withArgs(service, 4, 1)
    await models.release(service, 4)
    await submit(honest)
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
  })

  it('resolves by content that only publisher and prover have seen', async () => {
    const { market, models, service, publishers, stranger, networkHelpers, submit } = world
    await models.release(service, 4)
    const shown = await publishers.signedCommitment(1, 3, await market.tagOf(id))
    const { modelCommitment } = prover.circuit.folder.manifest
    expect(honest.signals).to.deep.equal([
      BigInt(modelCommitment),
      BigInt(shown),
      honest.output,
      await market.contextOf(id),
    ])
    expect(BigInt(shown)).to.equal(signedCommitment(eddsaPublicKey(DESK), BigInt(await market.tagOf(id))))
    await expect(submit(honest))
      .to.emit(market, 'MarketResolvedPrivately')
      .withArgs(id, 0, stranger.address, 3, honest.output)
    const { keyId, resolvedAt, flaggedAt, outcome } = await market.resolutionOf(id)
    const time = BigInt(await networkHelpers.time.latest())
    expect([keyId, resolvedAt, flaggedAt, outcome]).to.deep.equal([3n, time, 0n, 0n])
    await networkHelpers.time.increase(DISPUTE)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
    await expect(submit(honest)).to.be.revertedWithCustomError(market, 'AlreadyResolved')
  })

  it('maps labels to outcomes as for public stories', async () => {
    const { market, models, service, ask, tell, submit } = world
    await models.release(service, 4)
    for (const [label, outcome] of [0, 1, INVALID].entries()) {
      const marketId = await ask()
      await submit(await tell(marketId, { input: inputs[label]! }))
      expect((await market.resolutionOf(marketId)).outcome).to.equal(outcome)
    }
  })

  it('can be flagged when the key is revoked within the delay', async () => {
    const { market, models, service, publishers, owner, submit } = world
    await models.release(service, 4)
    await submit(honest)
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'NoGroundsToFlag')
    await publishers.connect(owner).revokeKey(3)
    await market.flag(id)
    expect(await market.statusOf(id)).to.equal(STATUS.flagged)
  })

  describe('refuses', () => {
    const submitted = (changes: object) => expect(world.submit({ ...honest, ...changes }))
    beforeEach(() => world.models.release(world.service, 4))
    afterEach(async () => expect((await world.market.resolutionOf(id)).resolvedAt).to.equal(0n))

    it('content that somebody else signed, whichever key it is said to be', async () => {
      const { publishers, hub, tell } = world
      const forged = await tell(id, { input: inputs[1]!, seed: STRANGER })
      await submitted(forged).to.be.revertedWithCustomError(hub, 'InvalidProof')
      await submitted({ ...forged, keyId: 4n }).to.be.revertedWithCustomError(publishers, 'KeyOfAnotherPublisher')
      await submitted({ keyId: 4n }).to.be.revertedWithCustomError(publishers, 'KeyOfAnotherPublisher')
      await submitted({ keyId: 9n }).to.be.revertedWithCustomError(publishers, 'UnknownKey')
    })

    it('a key of another kind, and a private story’s key for a public story', async () => {
      const { market, publishers } = world
      await submitted({ keyId: 1n }).to.be.revertedWithCustomError(publishers, 'UnsupportedKeyKind').withArgs(KIND.p256)
      const story = Buffer.concat([Buffer.from((await market.tagOf(id)).slice(2), 'hex'), Buffer.alloc(111)])
      await expect(market.resolve(id, story, 3, '0x', honest.output, honest.proof as never))
        .to.be.revertedWithCustomError(publishers, 'UnsupportedKeyKind')
        .withArgs(KIND.eddsa)
    })

    it('what was signed for another market, or proven for one', async () => {
      const { market, hub, ask, tell } = world
      const marketId = await ask()
      await submitted({ marketId }).to.be.revertedWithCustomError(hub, 'InvalidProof')
      const tag = BigInt(await market.tagOf(marketId))
      const replayed = await tell(id, { input: inputs[0]!, tag })
      await submitted(replayed).to.be.revertedWithCustomError(hub, 'InvalidProof')
      const elsewhere = await tell(id, { input: inputs[0]!, context: await market.contextOf(marketId) })
      await submitted(elsewhere).to.be.revertedWithCustomError(hub, 'InvalidProof')
    })

    it('answers that the circuit did not give', async () => {
      const { hub } = world
      for (const output of [honest.output + (1n << 16n), honest.output - (1n << 16n), honest.output + 1n]) {
        await submitted({ output }).to.be.revertedWithCustomError(hub, 'InvalidProof')
      }
    })

    it('keys that are revoked, retired or not yet valid', async () => {
      const { publishers, owner, networkHelpers, tell } = world
      const now = await networkHelpers.time.latest()
      await publishers.connect(owner).retireKey(3, now + DAY)
      await networkHelpers.time.increase(2 * DAY)
      await submitted({}).to.be.revertedWithCustomError(publishers, 'KeyNotValid')
      const later = new Uint8Array(32).fill(23)
      const material = eddsaMaterial(eddsaPublicKey(later))
      await publishers.connect(owner).addKey(1, KIND.eddsa, now + 5 * DAY, now + 9 * DAY, material)
      const keyId = await publishers.keyCount()
      const early = { ...(await tell(id, { input: inputs[0]!, seed: later })), keyId }
      await submitted(early).to.be.revertedWithCustomError(publishers, 'KeyNotValid')
      await publishers.connect(owner).revokeKey(keyId)
      await submitted(early).to.be.revertedWithCustomError(publishers, 'KeyRevoked').withArgs(keyId, anyTime)
    })

    it('a margin below the market’s', async () => {
      const { market, ask, tell } = world
      const margin = honest.output >> 16n
      const marketId = await ask({ minMargin: margin + 1n })
      await submitted(await tell(marketId, { input: inputs[0]! }))
        .to.be.revertedWithCustomError(market, 'MarginTooLow')
        .withArgs(marketId, margin, margin + 1n)
    })

    it('what comes too early or too late: there is nothing to record ahead', async () => {
      const { market, networkHelpers, ask } = world
      const time = await networkHelpers.time.latest()
      const marketId = await ask({ opensAt: time + DAY })
      await submitted({ marketId }).to.be.revertedWithCustomError(market, 'StoryTooEarly')
      await networkHelpers.time.increase(11 * DAY)
      await submitted({}).to.be.revertedWithCustomError(market, 'StoryTooLate')
      await networkHelpers.time.increase(2 * DAY)
      await submitted({}).to.be.revertedWithCustomError(market, 'ResolutionTooLate')
      await submitted({ marketId: 77n }).to.be.revertedWithCustomError(market, 'UnknownMarket')
    })

    it('labels that the market knows no outcome for', async () => {
      const { market, hub, reading, open } = world
      // A model that reads anything into anything, so that the label can be chosen.
      const marketId = await open()
      const inputCommitment = signedCommitment(eddsaPublicKey(DESK), BigInt(await market.tagOf(marketId)))
      const context = await market.contextOf(marketId)
      const prove = (output: bigint) => reading.prove({ weight: WEIGHTS[0]!, inputCommitment, output, context })
      const read = labelled(4, MARGIN)
      await expect(market.resolvePrivate(marketId, 3, read, await prove(read)))
        .to.be.revertedWithCustomError(market, 'UnknownLabel')
        .withArgs(marketId, 4, 4)
      const wrong = await prove(labelled(0, MARGIN))
      await expect(market.resolvePrivate(marketId, 3, labelled(1, MARGIN), wrong)).to.be.revertedWithCustomError(
        hub,
        'InvalidProof',
      )
    })
  })
})

const anyTime = (value: bigint) => value > 0n
