// SPDX-License-Identifier: GPL-3.0-or-later
// Markets over a real hub, real registries and real proofs: what the prediction market's tests share.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { concat, hexlify, toUtf8Bytes } from 'ethers'
import { createHub, HOUR, WEIGHTS } from '../inference/hub.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'
import { digestOf, KIND, type PressKey, pressKey } from './publisher.ts'
import { labelled, readingCircuit } from './reading-circuit.ts'

export const DAY = 24 * HOUR
export const DISPUTE = 2 * DAY
export const FALLBACK = 90 * DAY
export const STORY_BYTES = 119
export const MARGIN = 40n
export const INVALID = 0xff
export const UNIT = 10n ** 18n
/** Four classes: yes, no, abstain, a second way to say yes. */
export const CLASS_MAP = '0x0001ff00'
export const STATUS = { none: 0n, trading: 1n, pending: 2n, flagged: 3n, final: 4n, invalid: 5n }

export type Question = {
  collateral: string
  modelId: number
  version: number
  vkHash: string
  publisherId: number
  opensAt: number
  closesAt: number
  deadline: number
  minMargin: bigint
  outcomes: number
  classMap: string
}

/** Story: the market's tag, then a headline padded with zero bytes to 119 in all. */
export function storyFor(tag: string, headline: string): Uint8Array {
  const story = Buffer.alloc(STORY_BYTES)
  story.set(Buffer.from(tag.slice(2), 'hex'))
  story.set(toUtf8Bytes(headline), 8)
  return story
}

/**
 * Publisher 1 with a P-256 key (id 1) and publisher 2 with another (id 2); hub model 3 reads stories and pins version 1,
 * which is released. Every account has collateral and has approved the market.
 */
async function deployMarkets() {
  const world = await createHub()
  const { ethers, networkHelpers, dao, owner, models, verifiers, hub, service, described } = world
  const reading = await readingCircuit()
  const verifier = await reading.deployVerifier(dao)
  await verifiers.register(reading.id, await verifier.getAddress(), reading.vkHash, 1, '0x')
  const reads = { circuitHash: reading.id, vkHash: reading.vkHash }
  await hub.connect(owner).registerModel(described(commitment(WEIGHTS[0]!), reads), service, 1, OUTPUT.labelAndMargin)

  const publishers = await ethers.deployContract('PublisherRegistry')
  const [press, rival]: [PressKey, PressKey] = [pressKey(), pressKey()]
  const now = await networkHelpers.time.latest()
  for (const [index, key] of [press, rival].entries()) {
    await publishers.connect(owner).registerPublisher(`Gazette ${index + 1}`)
    await publishers.connect(owner).addKey(index + 1, KIND.p256, now, now + 1000 * DAY, key.material)
  }
  const treasury = ethers.Wallet.createRandom().address
  const market = await ethers.deployContract('PredictionMarket', [
    ...[hub, models, publishers, DISPUTE, FALLBACK],
    ...[treasury, dao],
  ])
  await market.grantRole(await market.SETTLER_ROLE(), dao)
  await market.grantRole(await market.GUARDIAN_ROLE(), owner)

  const accounts = (await ethers.getSigners()).slice(0, 8)
  const fund = accounts.map(() => 1_000_000n * UNIT)
  const token = await ethers.deployContract('CohortToken', [dao, accounts, fund])
  for (const account of accounts) await token.connect(account).approve(market, fund[0]!)

  const question = async (changes: Partial<Question> = {}): Promise<Question> => {
    const time = await networkHelpers.time.latest()
    return {
      collateral: await token.getAddress(),
      modelId: 3,
      version: 1,
      vkHash: reading.vkHash,
      publisherId: 1,
      opensAt: time,
      closesAt: time + 10 * DAY,
      deadline: time + 12 * DAY,
      minMargin: MARGIN,
      outcomes: 2,
      classMap: CLASS_MAP,
      ...changes,
    }
  }
  const open = async (changes: Partial<Question> = {}): Promise<bigint> => {
    await market.createMarket(await question(changes), 'Does the harbour stay closed for a week?')
    return await market.marketCount()
  }

  type Told = {
    headline?: string
    key?: PressKey
    label?: number
    margin?: bigint
    weight?: bigint
    signed?: Uint8Array
  }
  /** Everything that `resolve` takes for an honest story, by default "yes" with margin to spare. */
  const tell = async (marketId: bigint, told: Told = {}) => {
    const story = storyFor(await market.tagOf(marketId), told.headline ?? 'Storm closes the harbour')
    const output = labelled(told.label ?? 0, told.margin ?? MARGIN)
    const { digest, inputCommitment } = digestOf(story)
    const context = await market.contextOf(marketId)
    const proof = await reading.prove({ weight: told.weight ?? WEIGHTS[0]!, inputCommitment, output, context })
    const signature = (told.key ?? press).sign(told.signed ?? story)
    return { marketId, story, keyId: 1, signature, output, proof, digest, inputCommitment, context }
  }
  type Telling = Awaited<ReturnType<typeof tell>>
  const submit = (telling: Telling, by: HardhatEthersSigner = world.stranger) =>
    market
      .connect(by)
      .resolve(telling.marketId, telling.story, telling.keyId, telling.signature, telling.output, telling.proof)
  /** Tells a story that settles the market on `label`, and waits until it is final. */
  const finish = async (marketId: bigint, label = 0) => {
    await submit(await tell(marketId, { label }))
    await networkHelpers.time.increase(DISPUTE)
  }
  const ids = (marketId: bigint, outcomes = 2) =>
    Array.from({ length: outcomes }, (_, outcome) => (marketId << 8n) | BigInt(outcome))

  return {
    ...world,
    ...{
      treasury,
      reading,
      reads,
      publishers,
      press,
      rival,
      market,
      token,
      accounts,
      question,
      open,
      tell,
      submit,
      finish,
      ids,
    },
  }
}

export const createMarkets = restored(deployMarkets)

/** A copy of the bytes with one bit changed. */
export function altered(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at]! ^= 1
  return copy
}

/** A tag of another market, and a story that carries it. */
export function retagged(story: Uint8Array, tag: string): Uint8Array {
  return Buffer.from(concat([tag, hexlify(story.subarray(8))]).slice(2), 'hex')
}
