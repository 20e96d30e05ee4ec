// SPDX-License-Identifier: GPL-3.0-or-later
// The whole way of a story: openssl signs it, the released reader classifies it, its real circuit proves that, a stranger
// submits it, the market pays. And every way in which it must not.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  encodeStory,
  LAUNCH_OUTCOMES,
  proveStory,
  readStory,
  storyCircuit,
  storyCommitment,
  storyDigest,
} from '../../../keepers/apps/story/index.ts'
import { InferenceProver, parseProof, toSolidityProof } from '../../../keepers/zkml/index.ts'
import { CACHE } from '../../../scripts/bootstrap/paths.mjs'
import { command } from '../../commands/command-line.ts'
import { createMarkets, DAY, DISPUTE, INVALID, STATUS, UNIT } from './market.ts'
import { addReader } from './market-reader.ts'
import { hasOpenssl, type Newsroom, newsroom } from './openssl.ts'
import { KIND, pressKey } from './publisher.ts'

/** launched, not launched, other: the reader abstains on the third. */
const CLASS_MAP = '0x0001ff'
const MIN_MARGIN = 100n
const LAUNCHED = 'Heron 4 blasts off from Kourou with weather satellite'
const SCRUBBED = 'NASA scrubs Heron 4 launch after fuel leak'
const UNRELATED = 'Helio Motors launches new laptop in Denver'
const CID = `0x0155${'57'.repeat(34)}`

/**
 * The markets of the other tests, with the reader as version 4 (accepted, not released) and as model 4 of the hub, and a
 * key of `desk` for publisher 1.
 */
async function createStoryMarkets(prover: InferenceProver, desk: Newsroom) {
  const world = await createMarkets()
  const { owner, publishers, networkHelpers, market } = world
  const vkHash = await addReader(world, prover, 'Stories', CID)
  const now = await networkHelpers.time.latest()
  await publishers.connect(owner).addKey(1, KIND.p256, now, now + 1000 * DAY, desk.material)
  const keyId = await publishers.keyCount()
  const ask = (changes: object = {}) =>
    world.open({ modelId: 4, version: 4, vkHash, minMargin: MIN_MARGIN, classMap: CLASS_MAP, ...changes })
  /** A story for a market, signed and proven. */
  const publish = async (marketId: bigint, headline: string) => {
    const story = encodeStory(await market.tagOf(marketId), headline)
    const { reading, proof } = await proveStory(prover, story, await market.contextOf(marketId))
    const { a, b, c } = toSolidityProof(proof.proof)
    return {
      ...{ marketId, story, keyId, reading, signals: proof.publicSignals },
      ...{ signature: desk.sign(story), output: reading.output },
      proof: { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] },
    }
  }
  type Published = Awaited<ReturnType<typeof publish>>
  const submit = ({ marketId, story, keyId: key, signature, output, proof }: Published) =>
    market.connect(world.stranger).resolve(marketId, story, key, signature, output, proof as never)
  return { ...world, keyId, ask, publish, submit }
}

type World = Awaited<ReturnType<typeof createStoryMarkets>>

describe('PredictionMarket with stories and their real circuit', function () {
  // Compiling the circuit and making its key takes most of it, once a checkout.
  this.timeout(600_000)
  let prover: InferenceProver
  let desk: Newsroom
  let world: World
  /** A market, and a true story of its publisher. */
  let honest: Awaited<ReturnType<World['publish']>>
  let id: bigint
  let start: { restore(): Promise<void> }

  before(async () => {
    prover = await InferenceProver.open((await storyCircuit(`${CACHE}/story`)).folder)
    // Without the command line, the same library through Node.
    desk = hasOpenssl() ? newsroom() : { ...pressKey(), close: () => undefined }
    world = await createStoryMarkets(prover, desk)
    id = await world.ask()
    honest = await world.publish(id, LAUNCHED)
    start = await world.networkHelpers.takeSnapshot()
  })
  beforeEach(() => start.restore())
  after(async () => {
    await prover?.close()
    desk?.close()
  })

  it('refuses a reader that the DAO has not released, and takes the same proof once it has', async () => {
    const { market, models, service, submit } = world
    await expect(submit(honest)).to.be.revertedWithCustomError(market, 'VersionNotReleased').withArgs(service, 4, 1)
    await models.release(service, 4)
    await submit(honest)
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
  })

  it('pays who said that it would launch, when a stranger submits the story that it did', async () => {
    const { market, models, service, token, user, prover: holder, stranger, networkHelpers, ethers, submit } = world
    await models.release(service, 4)
    await market.connect(user).split(id, 10n * UNIT)
    await market.connect(user).safeTransferFrom(user, holder, world.ids(id)[0]!, 10n * UNIT, '0x')
    expect(LAUNCH_OUTCOMES[honest.reading.label]).to.equal('launched')
    expect(honest.signals).to.deep.equal([
      BigInt(prover.circuit.folder.manifest.modelCommitment),
      storyCommitment(honest.story),
      honest.output,
      await market.contextOf(id),
    ])
    await expect(submit(honest))
      .to.emit(market, 'MarketResolved')
      .withArgs(id, 0, stranger.address, storyDigest(honest.story), world.keyId, honest.output, honest.story)
    await networkHelpers.time.increase(DISPUTE)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
    await expect(market.connect(holder).redeem(id)).to.changeTokenBalances(
      ethers,
      token,
      [market, holder],
      [-10n * UNIT, 10n * UNIT],
    )
    await expect(market.connect(user).redeem(id)).to.changeTokenBalance(ethers, token, user, 0n)
    await expect(submit(honest)).to.be.revertedWithCustomError(market, 'AlreadyResolved')
  })

  it('pays the other side for a launch that was called off', async () => {
    const { market, models, service, ask, publish, submit } = world
    await models.release(service, 4)
    const marketId = await ask()
    await submit(await publish(marketId, SCRUBBED))
    expect((await market.resolutionOf(marketId)).outcome).to.equal(1)
  })

  it('pays every outcome equally for a story about something else, proven from the command line', async () => {
    const { market, models, service, keyId, ask, submit } = world
    await models.release(service, 4)
    const marketId = await ask()
    const home = await mkdtemp(join(tmpdir(), 'cohort-story-'))
    try {
      const [storyFile, proofFile] = [join(home, 'story.bin'), join(home, 'proof.json')]
      const told = ['--tag', await market.tagOf(marketId), '--headline', UNRELATED]
      const context = String(await market.contextOf(marketId))
      await cohort('prove', ...told, '--context', context, '--story', storyFile, '--out', proofFile)
      const story = new Uint8Array(await readFile(storyFile))
      const { proof, publicSignals } = JSON.parse(await readFile(proofFile, 'utf8'))
      const read = JSON.parse(await cohort('read', ...told, '--json'))
      expect(read).to.include({ label: 2, output: publicSignals[2], digest: storyDigest(story) })
      const { a, b, c } = toSolidityProof(parseProof(proof))
      await submit({
        ...honest,
        ...{ marketId, keyId, story, signature: desk.sign(story), output: BigInt(publicSignals[2]) },
        proof: { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] },
      })
      expect((await market.resolutionOf(marketId)).outcome).to.equal(INVALID)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('names an invalid tag, headline or folder on the command line', async () => {
    await refusal(['--tag', '0x12', '--headline', 'x'], /tag '0x12'/)
    await refusal(['--headline', 'x'.repeat(112)], /112 characters, at most 111/)
    await refusal(['--headline', 'x'], /compile first/, 'no-such-folder')
  })

  /** Runs `cohort story <command> <folder of the circuit> …` and gives its standard output. */
  async function cohort(name: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await command('story', name, prover.circuit.folder.folder, ...args)
    expect(code, stderr).to.equal(0)
    return stdout
  }

  async function refusal(args: string[], message: RegExp, folder = prover.circuit.folder.folder): Promise<void> {
    const { code, stderr } = await command('story', 'read', folder, ...args)
    expect(code).to.be.above(0)
    expect(stderr).to.match(message)
  }

  describe('refuses', () => {
    const submitted = (changes: object) => expect(world.submit({ ...honest, ...changes }))
    beforeEach(() => world.models.release(world.service, 4))
    afterEach(async () => expect((await world.market.resolutionOf(id)).resolvedAt).to.equal(0n))

    it('the same story under another key', async () => {
      const { publishers, keyId } = world
      const signature = pressKey().sign(honest.story)
      await submitted({ signature }).to.be.revertedWithCustomError(publishers, 'SignatureMismatch')
      await submitted({ keyId: keyId - 1n }).to.be.revertedWithCustomError(publishers, 'KeyOfAnotherPublisher')
    })

    it('a story that is altered by one byte, also when it is signed anew for the old proof', async () => {
      const { publishers, hub } = world
      const story = Uint8Array.from(honest.story)
      story[8 + LAUNCHED.indexOf('4')] = '5'.charCodeAt(0)
      await submitted({ story }).to.be.revertedWithCustomError(publishers, 'SignatureMismatch')
      const signature = desk.sign(story)
      await submitted({ story, signature }).to.be.revertedWithCustomError(hub, 'InvalidProof')
    })

    it('a story and its proof in another market, also when the publisher tells it there', async () => {
      const { market, hub, ask } = world
      const marketId = await ask()
      await submitted({ marketId }).to.be.revertedWithCustomError(market, 'TagMismatch')
      const story = encodeStory(await market.tagOf(marketId), LAUNCHED)
      const signature = desk.sign(story)
      await submitted({ marketId, story, signature }).to.be.revertedWithCustomError(hub, 'InvalidProof')
    })

    it('answers that the circuit did not give', async () => {
      const { hub } = world
      for (const output of [honest.output + (1n << 16n), honest.output - (1n << 16n), honest.output + 1n]) {
        await submitted({ output }).to.be.revertedWithCustomError(hub, 'InvalidProof')
      }
    })

    it('a margin below the market’s', async () => {
      const { market, ask } = world
      const { margin } = honest.reading
      const marketId = await ask({ minMargin: margin + 1n })
      const story = encodeStory(await market.tagOf(marketId), LAUNCHED)
      await submitted({ marketId, story, signature: desk.sign(story) })
        .to.be.revertedWithCustomError(market, 'MarginTooLow')
        .withArgs(marketId, margin, margin + 1n)
    })

    it('what comes too late: after the window, and after the deadline', async () => {
      const { market, networkHelpers } = world
      await networkHelpers.time.increase(11 * DAY)
      await submitted({}).to.be.revertedWithCustomError(market, 'StoryTooLate')
      await networkHelpers.time.increase(2 * DAY)
      await submitted({}).to.be.revertedWithCustomError(market, 'ResolutionTooLate')
    })
  })

  it('knows stories that it is sure of', () => {
    const { program } = prover.circuit.folder
    for (const [label, headline] of [LAUNCHED, SCRUBBED, UNRELATED].entries()) {
      const reading = readStory(program, encodeStory(`0x${'00'.repeat(8)}`, headline))
      expect(reading.label).to.equal(label)
      expect(reading.margin > MIN_MARGIN, `${headline}: ${reading.margin}`).to.equal(true)
    }
  })
})
