// SPDX-License-Identifier: GPL-3.0-or-later
// A real service whose members make versions, a claim registry with real proofs, rewards and offers: what the tests of the data market share.
import { type BigNumberish, ZeroAddress, ZeroHash, zeroPadValue } from 'ethers'
import { BatchTree } from '../../../keepers/chain/claims/batch-tree.ts'
import { hasSeat } from '../../../keepers/chain/seats.ts'
import { readingCircuit } from '../consumers/reading-circuit.ts'
import { commitment } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'
import { cid, type Player } from '../rounds/fixture.ts'
import {
  attest,
  commitUpdate,
  draft,
  drafted,
  numbers,
  revealUpdate,
  samplesOf,
  submitShare,
  training,
} from '../rounds/play.ts'

export const COUNT = 100
export const DAY = 86_400
export const HOUR = 3600
export const RATE = 10n ** 15n
export const CLAIM_BOND = 4n * 10n ** 16n
export const BUDGET = 10n ** 18n
export const DEPOSIT = 5n * 10n ** 16n
export const PRICE = 10n ** 17n
/** Hold-out batches by their commitments. */
export const BATCHES = Array.from({ length: 12 }, (_, i) => BigInt(commitment(BigInt(2000 + i))))
export const LEAVES = Array.from({ length: 5 }, (_, i) => BigInt(commitment(BigInt(3000 + i))))
/** Secret of the maker's "tree of devices": the stand-in circuit's weight. */
export const MAKER_SECRET = 77n

export const weightOf = (version: bigint | number): bigint => 3n + 2n * BigInt(version)

/** @param players 4: one sits out each second round; 7: one each round */
async function deployMarket(players: number) {
  const world = await training({
    players,
    // Rounds wait for measurements, which take days.
    parameters: { trainingWindow: 200 * DAY, voteWindow: 30 * DAY, registrationWindow: 10_001 },
  })
  const { ethers, networkHelpers, admin, treasury, stranger, models, registry, service } = world
  const verifiers = await ethers.deployContract('VerifierRegistry', [admin])
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), admin)
  const claims = await ethers.deployContract('ClaimRegistry', [models, verifiers, treasury, admin])
  const circuit = await readingCircuit()
  const verifier = await (await circuit.deployVerifier(admin)).getAddress()
  const ids = { accuracy: ethers.id('accuracy'), below: ethers.id('below'), sensors: ethers.id('sensors') }
  for (const id of Object.values(ids)) await verifiers.register(id, verifier, circuit.vkHash, 1, '0x')
  const statement = { kind: 1, count: COUNT, positive: 0, bins: ZeroHash }
  await claims.describe(ids.accuracy, ids.below, statement)
  const rewards = await ethers.deployContract('ImprovementRewards', [claims, models])
  const parts = [registry, models, claims, rewards, verifiers, ids.sensors, treasury, DEPOSIT] as const
  const offers = await ethers.deployContract('DataOffers', [...parts])
  const tree = new BatchTree(BATCHES)
  await claims.connect(treasury).commitPool(tree.root, tree.size, '')
  const now = () => networkHelpers.time.latest()

  const terms = async (changes: object = {}) => ({
    ...{ service, poolId: 1n, statement, draws: 2, baseline: 100, margin: 10, step: 2, tolerance: 5, rate: RATE },
    ...{ minBond: CLAIM_BOND, ceremony: false, presentSeconds: DAY, patienceSeconds: DAY },
    ...{ endsAt: (await now()) + 100 * DAY, perRound: 1, scoreBps: 0, scoredAfter: 1 },
    ...changes,
  })
  const open = async (changes: object = {}, value = BUDGET) => {
    await rewards.connect(admin).open(await terms(changes), { value })
    return await rewards.campaignCount()
  }
  /** Completes a round of all members, those whose turn it is without samples. @returns the version */
  const version = async (campaignId = 0n, members: readonly Player[] = world.players) => {
    const { round } = await numbers(world)
    const out = campaignId === 0n ? 0n : await rewards.sittersOf(campaignId, round)
    const samples = ({ seat }: Player) => ({ samples: hasSeat(out, seat) ? 0 : samplesOf(seat) })
    for (const player of members) await commitUpdate(world, player, samples(player))
    for (const player of members) await revealUpdate(world, player, samples(player))
    for (const player of members) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    const made = (await service.versionCount()) + 1n
    for (const { operator } of members)
      await service.connect(operator).vote(round, commitment(weightOf(made)), cid(`model ${round}`))
    return made
  }
  const prove = (weight: bigint, batch: bigint, figure: BigNumberish, context: bigint) =>
    circuit.prove({ weight, inputCommitment: batch, output: BigInt(figure), context })
  /** Publishes a claim; anything in `changes` differs from one that fits. */
  const claim = async (
    about: bigint,
    batch: bigint,
    figure: number,
    {
      by = world.players[0]!.owner,
      bond = CLAIM_BOND,
      ...changes
    }: { by?: typeof admin; bond?: bigint; [term: string]: unknown } = {},
  ) => {
    const given = {
      ...{
        service: await service.getAddress(),
        version: about,
        circuitId: ids.accuracy,
        source: 1,
        auditor: ZeroAddress,
      },
      ...{ poolId: 1n, figure, guarantee: figure - 5, expiresAt: (await now()) + 90 * DAY },
      ...changes,
    }
    const proof = await prove(weightOf(given.version), batch, figure, await claims.contextOf(by, given))
    await claims.connect(by).publish(given, batch, { signature: '0x', path: [] }, proof, { value: bond })
    return await claims.claimCount()
  }
  const drawn = async (campaignId: bigint, about: bigint, by = stranger) => {
    await rewards.connect(by).draw(campaignId, about)
    await networkHelpers.mine(3)
    await rewards.connect(by).fixDraw(campaignId, about)
    return (await rewards.measuredOf(campaignId, about)).indices.map(Number)
  }
  /** Draws for a version and presents claims on its batches that together have so many right. */
  const presented = async (
    campaignId: bigint,
    about: bigint,
    figure: number,
    changes: Record<string, unknown> = {},
  ) => {
    const indices = await drawn(campaignId, about)
    const claimIds: bigint[] = []
    let rest = figure
    for (const [i, index] of indices.entries()) {
      const part = Math.min(COUNT, Math.ceil(rest / (indices.length - i)))
      claimIds.push(await claim(about, BATCHES[index]!, part, changes))
      rest -= part
    }
    await rewards.present(
      campaignId,
      about,
      claimIds,
      indices.map((index) => tree.path(index)),
    )
    return { indices, claimIds }
  }
  /** Lets the time of all presentations pass, and settles what waits. */
  const settled = async (campaignId: bigint) => {
    await networkHelpers.time.increase(2 * DAY + HOUR)
    while ((await rewards.campaignOf(campaignId)).waiting > 0n) await rewards.settle(campaignId)
  }
  /** A claim falls: somebody draws from its pool and refutes it. */
  const fell = async (claimId: bigint, by = stranger) => {
    await claims.connect(by).openChallenge(claimId, { value: await claims.challengeBond(claimId) })
    const challengeId = await claims.challengeCount()
    await networkHelpers.mine(3)
    await claims.fixChallenge(challengeId)
    const index = Number((await claims.challengeOf(challengeId)).indexPlusOne) - 1
    const { version: about, guarantee } = await claims.claimOf(claimId)
    const context = await claims.refutationContextOf(by, claimId, challengeId)
    const proof = await prove(weightOf(about), BATCHES[index]!, guarantee, context)
    await claims.connect(by).refute(challengeId, BATCHES[index]!, tree.path(index), proof)
  }
  const offered = new BatchTree(LEAVES)
  const offerTerms = async (changes: object = {}) => ({
    ...{ schema: ethers.id('temperature, one a minute'), root: offered.root, size: LEAVES.length, maker: ZeroAddress },
    ...{
      price: PRICE,
      expiresAt: (await now()) + 30 * DAY,
      proveSeconds: 30 * DAY,
      minEarned: RATE,
      uri: 'ipfs://schema',
    },
    ...changes,
  })
  const offer = async (changes: object = {}, by = world.players[0]!.owner) => {
    await offers.connect(by).offer(await offerTerms(changes), { value: DEPOSIT })
    return await offers.offerCount()
  }
  return {
    ...world,
    ...{
      verifiers,
      claims,
      circuit,
      ids,
      rewards,
      offers,
      parts,
      tree,
      offered,
      terms,
      open,
      version,
      claim,
      drawn,
      presented,
    },
    ...{ settled, fell, offer, offerTerms, prove, now, statement, word: (value: string) => zeroPadValue(value, 32) },
  }
}

export const createMarket = restored(deployMarket)
export type Market = Awaited<ReturnType<typeof createMarket>>
