// SPDX-License-Identifier: GPL-3.0-or-later
// A prediction market that settles on a proof: a pool prices its outcomes, a newsroom signs a headline with its own key, a stranger
// proves how the DAO's reader reads it, and the market pays the holders of the outcome.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { formatEther, type JsonRpcProvider, parseEther, type Signer, toBeHex } from 'ethers'
import {
  encodeStory,
  LAUNCH_OUTCOMES,
  p256Material,
  p256Signature,
  proveStory,
} from '../../keepers/apps/story/index.ts'
import type { DaoClient, DeploymentFile, Proposal } from '../../keepers/chain/index.ts'
import { clients } from '../../keepers/chain/index.ts'
import type { DeployedVerifier } from '../../keepers/serving/index.ts'
import { outputSchemaOf } from '../../keepers/serving/index.ts'
import { folderPaths, InferenceProver, openFolder, toSolidityProof } from '../../keepers/zkml/index.ts'
import type { CohortToken } from '../../types/index.ts'
import { accountSigner } from './accounts.ts'
import { ACCOUNT } from './deployment.ts'

/** The liquidity provider, the believer who buys an outcome, and the prover who owns nothing. */
const TRADERS = { maker: ACCOUNT.daoMembers[1], believer: ACCOUNT.daoMembers[2], stranger: ACCOUNT.user } as const
const LIQUIDITY = parseEther('100')
const SPENT = parseEther('50')
/** How long a trade may wait for its block. */
const TRADE_SECONDS = 600
const POOL_FEE_BPS = 100
const HEADLINE = 'Heron 4 blasts off from Kourou with weather satellite'
/** Least margin of a label, in units of the circuit: the surest four fifths of unseen headlines reach it. */
const MIN_MARGIN = 440n
const ABSTAIN = 'ff'
/** IPublisherRegistryTypes.KeyKind.P256 */
const P256 = 2

/** The reader of headlines that the DAO takes over: its circuit and the verifier of its key. */
export type Reader = { readonly folder: string; readonly verifier: Pick<DeployedVerifier, 'address' | 'vkHash'> }

export type SettledMarket = {
  readonly marketId: string
  readonly question: string
  readonly headline: string
  readonly outcome: string
  readonly margin: string
  readonly constraints: number
  readonly proveSeconds: number
  readonly resolveGas: number
  /** The price of one outcome token before and after the believer bought, in collateral. */
  readonly prices: readonly [before: string, after: string]
  /** Whole tokens: the believer's spending and receipts. */
  readonly spent: string
  readonly paidOut: string
}

/** Puts the reader to the vote: verifier, weights and release in one proposal. */
export async function proposeReader(
  proposer: DaoClient,
  reader: Reader,
): Promise<Proposal & { readonly version: number }> {
  const { manifest } = await openFolder(reader.folder)
  const program = await readFile(folderPaths(reader.folder).program)
  return await proposer.proposeModel({
    verifier: {
      circuitId: manifest.circuitId,
      verifier: reader.verifier.address,
      vkHash: reader.verifier.vkHash,
      setup: 'local',
    },
    weightsCommitment: toBeHex(manifest.modelCommitment, 32),
    // CIDv1, raw bytes, SHA-256.
    cid: `0x01551220${createHash('sha256').update(program).digest('hex')}`,
    description: 'Adopt the reader of launch news',
  })
}

type Surroundings = {
  readonly provider: JsonRpcProvider
  readonly deployment: DeploymentFile
  readonly reader: Reader
}

/** A market with a question that only this newsroom's signature can settle. */
export type OpenMarket = {
  readonly marketId: bigint
  readonly question: string
  readonly newsroom: KeyObject
  /** Of the newsroom's key, at the publisher registry. */
  readonly keyId: bigint
}

/** Opens a market on the reader's version, which is released, for a newsroom that registers for it. */
export async function openMarket({ provider, deployment, reader }: Surroundings, version: number): Promise<OpenMarket> {
  const { contracts } = deployment
  const maker = accountSigner(provider, TRADERS.maker)
  const { manifest, program } = await openFolder(reader.folder)
  const hub = clients.hub(contracts.InferenceHub, accountSigner(provider, TRADERS.stranger))
  const commitment = {
    modelHash: toBeHex(manifest.modelCommitment, 32),
    circuitHash: manifest.circuitId,
    vkHash: reader.verifier.vkHash,
    proofSystemId: await hub.GROTH16_BN254(),
    uri: '',
  }
  await (await hub.registerModel(commitment, contracts.AdoptedModel, version, outputSchemaOf(program))).wait()
  const modelId = await hub.modelCount()

  const newsroom = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const material = p256Material(newsroom.publicKey.export({ type: 'spki', format: 'der' }))
  const publishers = clients.publishers(contracts.PublisherRegistry, maker)
  await (await publishers.registerPublisher('Demo newsroom')).wait()
  const publisherId = await publishers.publisherCount()
  const now = (await provider.getBlock('latest'))!.timestamp
  await (await publishers.addKey(publisherId, P256, now, now + 86_400, material)).wait()
  const keyId = await publishers.keyCount()

  const markets = clients.predictionMarket(contracts.PredictionMarket, maker)
  const question = 'Does Heron 4 lift off?'
  const classMap = LAUNCH_OUTCOMES.map((_, label) => (label < 2 ? toBeHex(label, 1).slice(2) : ABSTAIN)).join('')
  const terms = {
    collateral: contracts.CohortToken,
    ...{ modelId, version, vkHash: reader.verifier.vkHash, publisherId },
    ...{ opensAt: now, closesAt: now + 3_600, deadline: now + 7_200 },
    ...{ minMargin: MIN_MARGIN, outcomes: 2, classMap: `0x${classMap}` },
  }
  await (await markets.createMarket(terms, question)).wait()
  return { marketId: await markets.marketCount(), question, newsroom: newsroom.privateKey, keyId }
}

/** The newsroom signs its headline, and a stranger proves how the reader reads it. */
export async function resolveMarket(
  { provider, deployment, reader }: Surroundings,
  { marketId, newsroom, keyId }: OpenMarket,
  signal: AbortSignal,
): Promise<{ readonly outcome: string; readonly margin: bigint; readonly proveSeconds: number; readonly gas: number }> {
  const stranger = accountSigner(provider, TRADERS.stranger)
  const markets = clients.predictionMarket(deployment.contracts.PredictionMarket, stranger)
  // The newsroom signs bytes; it knows nothing of models or proofs.
  const story = encodeStory(await markets.tagOf(marketId), HEADLINE)
  const signature = p256Signature(sign('sha256', story, newsroom))

  const prover = await InferenceProver.open(reader.folder)
  const start = performance.now()
  const { reading, proof } = await proveStory(prover, story, await markets.contextOf(marketId), { signal }).finally(
    () => prover.close(),
  )
  const proveSeconds = (performance.now() - start) / 1000
  const { a, b, c } = toSolidityProof(proof.proof)
  const words = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as Parameters<typeof markets.resolve>[5]
  const receipt = await (await markets.resolve(marketId, story, keyId, signature, reading.output, words)).wait()
  return {
    outcome: LAUNCH_OUTCOMES[reading.label]!,
    margin: reading.margin,
    proveSeconds,
    gas: Number(receipt!.gasUsed),
  }
}

/** From an open question to the pay-out. The reader's version is released. */
export async function settleMarket(
  options: Surroundings & {
    readonly version: number
    readonly signal: AbortSignal
    readonly say: (text: string) => void
  },
): Promise<SettledMarket> {
  const { provider, deployment, reader, version, signal, say } = options
  const { contracts } = deployment
  const market = await openMarket(options, version)
  const { marketId, question } = market
  const [maker, believer] = [accountSigner(provider, TRADERS.maker), accountSigner(provider, TRADERS.believer)]
  const token = clients.token(contracts.CohortToken, maker)
  const prices = await buyOutcome({ provider, contracts, marketId, token, maker, believer })
  say(
    `Market ${marketId}: "${question}"; ${formatEther(SPENT)} COH on yes moved its price from ${prices[0]} to ${prices[1]}`,
  )
  const { outcome, margin, proveSeconds, gas } = await resolveMarket(options, market, signal)
  say(`A stranger proved what "${HEADLINE}" says: ${outcome}; the market waits out its dispute delay`)

  const markets = clients.predictionMarket(contracts.PredictionMarket, believer)
  await waitUntilFinal(async () => Number(await markets.statusOf(marketId)), signal)
  const before = await token.balanceOf(believer)
  await (await markets.redeem(marketId)).wait()
  const paid = (await token.balanceOf(believer)) - before
  return {
    ...{ marketId: String(marketId), question, headline: HEADLINE, outcome, margin: String(margin) },
    constraints: (await openFolder(reader.folder)).manifest.constraints,
    ...{ proveSeconds, resolveGas: gas, prices },
    spent: formatEther(SPENT),
    paidOut: Number(formatEther(paid)).toFixed(2),
  }
}

/** A pool with the maker's liquidity, in which the believer buys the first outcome. Returns its price before and after. */
async function buyOutcome(options: {
  readonly provider: JsonRpcProvider
  readonly contracts: DeploymentFile['contracts']
  readonly marketId: bigint
  readonly token: CohortToken
  readonly maker: Signer
  readonly believer: Signer
}): Promise<[string, string]> {
  const { provider, contracts, marketId, token, maker, believer } = options
  const pools = clients.pools(contracts.OutcomePoolFactory, maker)
  await (await pools.createPool(marketId, POOL_FEE_BPS)).wait()
  const address = await pools.poolOf(marketId, POOL_FEE_BPS)
  const pool = clients.pool(address, maker)
  const price = async () => Number(formatEther(await pool.priceOf(0))).toFixed(2)
  await (await token.approve(address, LIQUIDITY)).wait()
  const late = (await provider.getBlock('latest'))!.timestamp + TRADE_SECONDS
  await (await pool.start(LIQUIDITY, [1, 1], late)).wait()
  const before = await price()
  await (await token.connect(believer).approve(address, SPENT)).wait()
  const { tokens } = await pool.quoteBuy(0, SPENT)
  await (await clients.pool(address, believer).buy(0, SPENT, tokens, late)).wait()
  return [before, await price()]
}

/** IPredictionMarketTypes.Status.Final */
const FINAL = 4

async function waitUntilFinal(status: () => Promise<number>, signal: AbortSignal): Promise<void> {
  while ((await status()) !== FINAL) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
