// SPDX-License-Identifier: GPL-3.0-or-later
// A market over a real registry and real verifiers, and a job in three segments: what the prover tests share.
import type { ContractTransactionReceipt, Signer } from 'ethers'
import { network } from 'hardhat'
import { accountsOf } from '../governance/accounts.ts'
import { restored } from '../restored.ts'
import { commitment, type Proof, productCircuit } from './product-circuit.ts'
import { tinyCircuit } from './tiny-circuit.ts'

export const HOUR = 3600
export const START_PRICE = 10n ** 15n
export const MAX_PRICE = 3n * START_PRICE
export const MIN_BOND = 10n ** 16n
export const UNBONDING_SECONDS = 7 * 24 * HOUR
export const SETTLE_SECONDS = 2 * HOUR
export const CLAIM_SECONDS = 300

export const JOB = {
  none: 0n,
  open: 1n,
  settling: 2n,
  expired: 3n,
  completed: 4n,
  disputed: 5n,
  cancelled: 6n,
  closed: 7n,
}
export const SLOT = { open: 0n, claimed: 1n, submitted: 2n, proven: 3n, paid: 4n }
export const REASON = { silence: 0n, falseProof: 1n }

/** The three "layers" multiply by these; what goes into each. */
const LAYERS = [3n, 5n, 7n]
const FEATURES = [4n, 12n, 60n]
export const RESULT = 420n

/** Unsound on purpose: says the product of weight and feature is anything at all. */
const LOOSE = `pragma circom 2.1.9;
template Loose() {
    signal input model;
    signal input inputCommitment;
    signal input result;
    signal input context;
    signal input weight;
    signal input feature;
    signal input slack;
    model === weight * weight;
    inputCommitment === feature * feature;
    result === weight * feature + slack;
    signal bound;
    bound <== context * context;
}
component main {public [model, inputCommitment, result, context]} = Loose();
`

let loose: ReturnType<typeof tinyCircuit> | undefined

function looseCircuit() {
  loose ??= tinyCircuit('loose', LOOSE)
  return loose
}

export type Answer = { segment: number; copy: number; output: bigint; proof: Proof }
type Terms = { startPrice: bigint; maxPrice: bigint; deadline: number; claimSeconds: number; copies: number }

/** `alice`, `bob`, `carol` have a bond for ten slots each. */
async function deployMarket() {
  const { ethers, networkHelpers } = await network.create()
  const [dao, poster, alice, bob, carol, stranger] = await accountsOf(ethers)
  const treasury = ethers.Wallet.createRandom().address
  const verifiers = await ethers.deployContract('VerifierRegistry', [dao])
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), dao)
  const [link, product, unsound] = [await productCircuit('link'), await productCircuit('product'), await looseCircuit()]
  for (const circuit of [link, product, unsound]) {
    const verifier = await (await circuit.deployVerifier(dao)).getAddress()
    await verifiers.register(circuit.id, verifier, circuit.vkHash, 1, '0x')
  }
  const market = await ethers.deployContract('ProverMarket', [
    verifiers,
    treasury,
    MIN_BOND,
    UNBONDING_SECONDS,
    SETTLE_SECONDS,
  ])
  for (const prover of [alice, bob, carol]) await market.connect(prover).bond({ value: 10n * MIN_BOND })

  const circuits = [link, link, product]
  const segments = circuits.map(({ id }, i) => ({
    circuitId: id,
    modelCommitment: commitment(LAYERS[i]!),
    inputCommitment: commitment(FEATURES[i]!),
  }))
  const looseSegment = {
    circuitId: unsound.id,
    modelCommitment: commitment(LAYERS[0]!),
    inputCommitment: commitment(FEATURES[0]!),
  }

  const terms = async (changes: Partial<Terms> = {}): Promise<Terms> => ({
    startPrice: START_PRICE,
    maxPrice: MAX_PRICE,
    // An hour from the block that posts it.
    deadline: (await networkHelpers.time.latest()) + 1 + HOUR,
    claimSeconds: CLAIM_SECONDS,
    copies: 1,
    ...changes,
  })
  const escrowOf = (given: Terms, count = 3) => given.maxPrice * BigInt(count * given.copies)

  /** Posts a job and returns its id. */
  const post = async (changes: Partial<Terms> = {}, chain = segments) => {
    const given = await terms(changes)
    await market.connect(poster).post(given, chain, '0x01', { value: escrowOf(given, chain.length) })
    return await market.jobCount()
  }

  /** An honest answer of `prover`; `changes` make it dishonest. */
  const answer = async (
    jobId: bigint,
    prover: { address: string },
    segment: number,
    { copy = 0, feature = FEATURES[segment]! } = {},
  ): Promise<Answer> => {
    const { deadline } = await market.getJob(jobId)
    const circuit = circuits[segment]!
    const context = await market.contextOf(jobId, segment, prover.address, circuit.id, deadline)
    const output = circuit.resultOf(LAYERS[segment]!, FEATURES[segment]!)
    return { segment, copy, output, proof: await circuit.prove(LAYERS[segment]!, feature, context) }
  }

  /** An answer to a job of the unsound circuit, with any output. */
  const looseAnswer = async (jobId: bigint, prover: { address: string }, copy: number, output: bigint, segment = 0) => {
    const { deadline } = await market.getJob(jobId)
    const context = await market.contextOf(jobId, segment, prover.address, unsound.id, deadline)
    const [weight, feature] = [LAYERS[0]!, FEATURES[0]!]
    const proof = await unsound.prove({
      model: BigInt(commitment(weight)),
      inputCommitment: BigInt(commitment(feature)),
      result: output,
      context,
      weight,
      feature,
      slack: output - weight * feature,
    })
    return { segment, copy, output, proof }
  }

  const submit = (jobId: bigint, by: Signer, { segment, copy, output, proof }: Answer) =>
    market.connect(by).submit(jobId, segment, copy, output, proof)

  /** Claims a slot and answers it. */
  const serve = async (jobId: bigint, by: Signer & { address: string }, segment: number, options: object = {}) => {
    const given = await answer(jobId, by, segment, options)
    await market.connect(by).claim(jobId, segment, given.copy)
    await submit(jobId, by, given)
    return given
  }

  const slot = async (jobId: bigint, number = 0) => (await market.getSlots(jobId))[number]!

  /** Ether that the market must hold: what it owes, what is at stake, what jobs still have. */
  const owed = async (accounts: readonly string[]) => {
    let sum = 0n
    for (const account of new Set([...accounts, treasury])) {
      const { free, reserved, unbonding } = await market.bondOf(account)
      sum += free + reserved + unbonding + (await market.balanceOf(account))
    }
    for (let jobId = 1n; jobId <= (await market.jobCount()); jobId++) sum += (await market.getJob(jobId)).escrow
    return sum
  }

  return {
    ...{ ethers, networkHelpers, dao, poster, alice, bob, carol, stranger, treasury, verifiers, market },
    ...{ link, product, unsound, segments, looseSegment, terms, escrowOf, post, answer, looseAnswer, submit, serve },
    ...{ slot, owed },
  }
}

export const createMarket = restored(deployMarket)

export type Market = Awaited<ReturnType<typeof createMarket>>

/** When a transaction's block was made, in Unix seconds. */
export async function timeOf({ ethers }: Market, sent: { wait(): Promise<ContractTransactionReceipt | null> }) {
  return (await ethers.provider.getBlock((await sent.wait())!.blockNumber))!.timestamp
}

/** The segments of every job in these tests. */
export const SEGMENTS = [0, 1, 2]

/** Three provers, one segment each, all submitted. */
export async function served(world: Market, jobId = 1n): Promise<Answer[]> {
  const provers = [world.alice, world.bob, world.carol]
  const answers = []
  for (const segment of SEGMENTS) answers.push(await world.serve(jobId, provers[segment]!, segment))
  return answers
}
