// SPDX-License-Identifier: GPL-3.0-or-later
// Input markets beside story markets, over real registries and real proofs: what their tests share.
import { concat, ZeroHash } from 'ethers'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment, FIELD_ORDER } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'
import { createMarkets, DISPUTE, FALLBACK } from './market.ts'
import type { PressKey } from './publisher.ts'

export const PAYOUT = { classes: 0, bins: 1, linear: 2 }
export const LINEAR = 0xfe
/** Commitment to an image, say, that everybody who trades can fetch. */
export const IMAGE = commitment(77n)
export const OTHER = commitment(78n)
export const LABELS = 3
export const SCORES = 4

type Terms = { payout?: number; lower?: bigint; width?: bigint; input?: string }

/** Input markets beside the story markets of the fixture; hub model 3 says labels and margins, model 4 a score in whole units. */
async function deployInputMarkets() {
  const world = await createMarkets()
  const { ethers, hub, models, publishers, treasury, dao, owner, service, described, reads, accounts, token } = world
  await hub.connect(owner).registerModel(described(commitment(3n), reads), service, 1, OUTPUT.score)
  const inputs = await ethers.deployContract('InputMarket', [
    ...[hub, models, publishers, DISPUTE, FALLBACK],
    ...[treasury, dao],
  ])
  await inputs.grantRole(await inputs.SETTLER_ROLE(), dao)
  await inputs.grantRole(await inputs.GUARDIAN_ROLE(), owner)
  for (const account of accounts) await token.connect(account).approve(inputs, 2n ** 200n)

  const terms = async (changes: Parameters<typeof world.question>[0] = {}, given: Terms = {}) => {
    const pinned = given.input ?? IMAGE
    return {
      question: await world.question({ publisherId: pinned === ZeroHash ? 1 : 0, modelId: LABELS, ...changes }),
      input: pinned,
      payout: given.payout ?? PAYOUT.classes,
      lower: given.lower ?? 0n,
      width: given.width ?? 0n,
    }
  }
  const score = { modelId: SCORES, classMap: '0x', minMargin: 0n }
  const open = async (changes: Parameters<typeof terms>[0] = {}, given: Terms = {}) => {
    await inputs.createMarket(await terms(changes, given), 'What does the picture show?')
    return await inputs.marketCount()
  }
  const linear = (lower: bigint, width: bigint) => open(score, { payout: PAYOUT.linear, lower, width })

  const proofOf = async (marketId: bigint, output: bigint, input = IMAGE) =>
    world.reading.prove({
      weight: 3n,
      inputCommitment: BigInt(input),
      output,
      context: await inputs.contextOf(marketId),
    })
  /** What a publisher signs. */
  const signed = async (marketId: bigint, key: PressKey, input = IMAGE) =>
    key.sign(Buffer.from(concat([await inputs.tagOf(marketId), input]).slice(2), 'hex'))
  const resolve = async (marketId: bigint, output: bigint) =>
    inputs.resolve(marketId, IMAGE, 0, '0x', output, await proofOf(marketId, output))
  return { ...world, inputs, terms, open, linear, score, proofOf, signed, resolve }
}

export const createInputMarkets = restored(deployInputMarkets)

/** A score as a field element. */
export const field = (value: bigint): bigint => (value < 0n ? FIELD_ORDER + value : value)
