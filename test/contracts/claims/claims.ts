// SPDX-License-Identifier: GPL-3.0-or-later
// A claim registry over real registries and real proofs: what its tests share. The circuit binds the four signals and lets the test
// choose the figure, as in ../consumers/reading-circuit.ts.
import { ZeroAddress, ZeroHash, zeroPadValue } from 'ethers'
import { BatchTree } from '../../../keepers/chain/claims/batch-tree.ts'
import { readingCircuit } from '../consumers/reading-circuit.ts'
import { createHub, WEIGHTS } from '../inference/hub.ts'
import { commitment } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'

export const KIND = { accuracy: 1, gap: 2, odds: 3, calibration: 4 }
export const SOURCE = { claimant: 1, auditor: 2, draw: 3 }
export const STATUS = { standing: 1n, fallen: 2n, released: 3n }
export const DAY = 86_400
export const WINDOW = 7 * DAY
export const BOND = 4n * 10n ** 17n
/** Samples of a batch. */
export const COUNT = 64
/** Batches of the pool, by their commitments; a number that is no power of two. */
export const BATCHES = Array.from({ length: 5 }, (_, i) => BigInt(commitment(BigInt(1000 + i))))
export const ELSEWHERE = BigInt(commitment(5000n))

type Terms = {
  service: string
  version: bigint
  circuitId: string
  source: number
  auditor: string
  poolId: bigint
  figure: number
  guarantee: number
  expiresAt: number
}

type Opinion = { signature: string; path: string[] }
export const NOTHING: Opinion = { signature: '0x', path: [] }

async function deployClaims() {
  const world = await createHub()
  const { ethers, networkHelpers, dao, owner, user, prover, stranger, models, verifiers, service } = world
  const claims = await ethers.deployContract('ClaimRegistry', [models, verifiers, owner, dao])
  const circuit = await readingCircuit()
  const verifier = await (await circuit.deployVerifier(dao)).getAddress()
  const ids = {
    accuracy: ethers.id('accuracy'),
    gap: ethers.id('gap'),
    below: ethers.id('below'),
    above: ethers.id('above'),
  }
  for (const id of Object.values(ids)) await verifiers.register(id, verifier, circuit.vkHash, 1, '0x')
  const accuracy = { kind: KIND.accuracy, count: COUNT, positive: 0, bins: ZeroHash }
  const gap = { kind: KIND.gap, count: COUNT, positive: 1, bins: ZeroHash }
  await claims.describe(ids.accuracy, ids.below, accuracy)
  await claims.describe(ids.gap, ids.above, gap)
  const statements = { accuracy: await claims.statementIdOf(accuracy), gap: await claims.statementIdOf(gap) }

  const tree = new BatchTree(BATCHES)
  const now = () => networkHelpers.time.latest()
  /** Accuracy of version 1, on a batch of the claimant's, that ends in 30 days. */
  const terms = async (changes: Partial<Terms> = {}): Promise<Terms> => ({
    ...{ service, version: 1n, circuitId: ids.accuracy, source: SOURCE.claimant, auditor: ZeroAddress, poolId: 0n },
    ...{ figure: 60, guarantee: 54, expiresAt: (await now()) + 30 * DAY },
    ...changes,
  })
  /** What the model of a version "scores": any figure, on any batch, for whoever the context is. */
  const prove = (version: bigint, batch: bigint, figure: number, context: bigint) =>
    circuit.prove({ weight: WEIGHTS[Number(version) - 1]!, inputCommitment: batch, output: BigInt(figure), context })
  const proofOf = async (by: { address: string }, given: Terms, batch: bigint) =>
    prove(given.version, batch, given.figure, await claims.contextOf(by.address, given))
  const publish = async (given: Terms, { by = user, batch = ELSEWHERE, evidence = NOTHING, bond = BOND } = {}) => {
    const sent = claims.connect(by).publish(given, batch, evidence, await proofOf(by, given, batch), { value: bond })
    await sent
    return await claims.claimCount()
  }
  const pool = async (by = user) => {
    await claims.connect(by).commitPool(tree.root, tree.size, 'ipfs://batches')
    return await claims.poolCount()
  }
  /** Draws for a version's claim; the index. */
  const drawn = async (poolId: bigint, version = 1n, by = user, claimant = by) => {
    const drawId = await claims.drawIdOf(poolId, service, version, statements.accuracy)
    await claims.connect(by).draw(poolId, service, version, statements.accuracy, claimant)
    await networkHelpers.mine(3)
    await claims.fixDraw(drawId)
    return Number((await claims.drawingOf(drawId)).indexPlusOne) - 1
  }
  /** A claim on a drawn batch of the user's pool. */
  const published = async (changes: Partial<Terms> = {}, bond = BOND) => {
    const poolId = await pool()
    const index = await drawn(poolId)
    const given = await terms({ source: SOURCE.draw, poolId, ...changes })
    const evidence = { signature: '0x', path: tree.path(index) }
    const claimId = await publish(given, { batch: BATCHES[index]!, evidence, bond })
    return { claimId, poolId, index, given }
  }
  /** A challenge with its batch. */
  const challenged = async (claimId: bigint, by = stranger) => {
    await claims.connect(by).openChallenge(claimId, { value: await claims.challengeBond(claimId) })
    const challengeId = await claims.challengeCount()
    await networkHelpers.mine(3)
    await claims.fixChallenge(challengeId)
    const index = Number((await claims.challengeOf(challengeId)).indexPlusOne) - 1
    return { challengeId, index, batch: BATCHES[index]!, path: tree.path(index) }
  }
  /** A proof that the guarantee does not hold on the batch. */
  const refutation = async (by: { address: string }, claimId: bigint, batch: bigint, challengeId = 0n) => {
    const { version, guarantee } = await claims.claimOf(claimId)
    const context = await claims.refutationContextOf(by.address, claimId, challengeId)
    return await prove(version, batch, Number(guarantee), context)
  }
  /** The auditor's signature for a counter-batch. */
  const counterSigned = async (challenger: { address: string }, claimId: bigint, batch: bigint, signer = prover) => {
    const { chainId } = await ethers.provider.getNetwork()
    const domain = { name: 'Cohort claims', version: '1', chainId, verifyingContract: await claims.getAddress() }
    const CounterBatch = [
      { name: 'challenger', type: 'address' },
      { name: 'claimId', type: 'uint256' },
      { name: 'batch', type: 'uint256' },
    ]
    return await signer.signTypedData(domain, { CounterBatch }, { challenger: challenger.address, claimId, batch })
  }
  const by = (who: { address: string } | bigint) =>
    zeroPadValue(typeof who === 'bigint' ? ethers.toBeHex(who) : who.address, 32)
  const required = (changes: object = {}) => ({
    ...{ service, version: 1n, statementId: statements.accuracy, source: SOURCE.claimant, by: by(user) },
    ...{ bound: 54, minBond: 0n, ceremony: false },
    ...changes,
  })
  const at = (time: number) => networkHelpers.time.setNextBlockTimestamp(time)
  return {
    ...world,
    ...{ claims, circuit, ids, statements, tree, now, terms, prove, proofOf, publish, pool, drawn, published },
    ...{ challenged, refutation, counterSigned, by, required, at, treasury: owner, auditor: prover, verifier },
  }
}

export const createClaims = restored(deployClaims)
