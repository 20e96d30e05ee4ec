// SPDX-License-Identifier: GPL-3.0-or-later
// A question to whoever proves: posted at the hub with its price in escrow, followed until it is answered, and the answer's proof checked here.
import type { Remote } from 'comlink'
import { parseEther } from 'ethers'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import {
  postRequest,
  type RequestView,
  readRequest,
  refundRequest,
  withdrawBalance,
} from '../../../keepers/serving/index.ts'
import type { SolidityProof } from '../../../keepers/zkml/index.ts'
import type { Connection } from '../chain/connection.ts'
import { readLog } from '../chain/logs.ts'
import { signerOn, wasDeclined } from '../chain/wallet.ts'
import { type Asked, forgetUnseen, rememberRequest, rememberUnseen, type Unseen, unseenRequests } from './asked.ts'
import type { HubModel } from './hub-models.ts'
import { contextOf } from './proof.ts'
import { modelWorker, openVersion } from './versions.ts'
import type { OpenedModel } from './worker.ts'

/** Bytes of a verification key at most. */
const MOST_KEY = 1 << 20
/** Blocks asked for at once. */
const SPAN = 5_000
/** Seconds by which the wallet's endpoint, whose time the deadline is counted from, may be ahead of ours. */
const CLOCKS_DIFFER = 3_600

/** What was typed as a price, in wei. @throws Error naming the field */
export function priceOf(typed: string): bigint {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(typed.trim()))
    throw new Error(`Price: '${typed.slice(0, 40)}' is no amount of ether: type a number such as 0.01`)
  const wei = parseEther(typed.trim())
  if (wei === 0n) throw new Error('Price: type an amount above 0: it pays the prover of the answer')
  return wei
}

/**
 * Posts the question from the visitor's wallet. Whatever becomes of the tab meanwhile, {@link resumeRequests} finds it later.
 * @throws WalletError, ServingError
 */
export async function askKeepers(
  { site, head }: Connection,
  { modelId }: HubModel,
  model: Remote<OpenedModel>,
  order: { readonly input: readonly number[]; readonly price: bigint; readonly seconds: number },
): Promise<Asked> {
  const { chainId, contracts } = site.deployment
  const prepared = await model.prepare(order.input)
  const { block, timestamp } = head.peek()
  const signer = await signerOn(chainId)
  const { price, seconds } = order
  const { inputCommitment, payload } = prepared
  const about = { chainId, hub: contracts.InferenceHub, modelId: String(modelId), block, inputCommitment }
  const sizes = { values: order.input.length, payloadBytes: (payload.length - 2) / 2 }
  const account = await signer.getAddress()
  const unseen: Unseen = { ...about, ...sizes, account, until: timestamp + seconds + CLOCKS_DIFFER }
  rememberUnseen(unseen)
  try {
    const { requestId } = await postRequest({ signer, hub: contracts.InferenceHub, modelId, price, seconds }, prepared)
    return settled(unseen, requestId)
  } catch (error) {
    if (wasDeclined(error) || wasReverted(error)) forgetUnseen(unseen)
    throw error
  }
}

/** @returns what is kept of a request from now on */
function settled(unseen: Unseen, requestId: string): Asked {
  const { account: _account, until: _until, ...order } = unseen
  const asked = { ...order, requestId }
  rememberRequest(asked)
  forgetUnseen(unseen)
  return asked
}

/** Whether the chain refused the call, so that nothing is in escrow. */
function wasReverted(error: unknown): boolean {
  for (let one = error; one !== null && typeof one === 'object'; one = (one as Error).cause) {
    if ((one as { code?: unknown }).code === 'CALL_EXCEPTION') return true
  }
  return false
}

/**
 * Looks for the questions that a wallet was asked to post when their tab was closed: those that the chain has become requests like others,
 * and those that it can take no more are forgotten.
 * @returns those that may still come
 */
export async function resumeRequests({ provider, site, head }: Connection, modelId: bigint): Promise<Unseen[]> {
  const { block, timestamp } = head.peek()
  const waiting: Unseen[] = []
  for (const unseen of unseenRequests(site, modelId)) {
    const found = await findPosted(provider, unseen, block)
    if (found !== null) settled(unseen, found)
    else if (timestamp > unseen.until) forgetUnseen(unseen)
    else waiting.push(unseen)
  }
  return waiting
}

/** The id under which the hub has a question; null where its log does not have it up to a block. */
async function findPosted(provider: Connection['provider'], unseen: Unseen, block: number): Promise<string | null> {
  const abi = contractInterface('InferenceHub')
  const { hub: address, modelId, account, inputCommitment } = unseen
  const topics = abi.encodeFilterTopics('InferenceRequested', [null, BigInt(modelId), account])
  for (let from = unseen.block; from <= block; from += SPAN) {
    const logs = await provider.getLogs({ address, topics, fromBlock: from, toBlock: Math.min(block, from + SPAN - 1) })
    for (const { topics, data } of logs) {
      const event = readLog(abi, { topics: [...topics], data })
      if (event?.args.inputCommitment === inputCommitment) return String(event.args.requestId)
    }
  }
  return null
}

/** An answer, as the page found it on the chain. */
export type Answered = {
  readonly output: bigint
  readonly prover: string
  readonly transactionHash: string
  /** Whether the proof holds, checked in the page; null where it is not in the transaction in a form that the page reads. */
  readonly proven: boolean | null
  /** Why it is null. */
  readonly why: string
}

export type Followed = { readonly view: RequestView; readonly answered: Answered | null }

/** Where a question stands. @throws ServingError, and the provider's errors */
export async function followRequest(connection: Connection, hubModel: HubModel, asked: Asked): Promise<Followed> {
  const { provider, site } = connection
  const hub = clients.hub(site.deployment.contracts.InferenceHub, provider)
  const view = await readRequest(hub, asked.requestId)
  if (view.status !== 'fulfilled') return { view, answered: null }
  return { view, answered: await checkAnswer(connection, hubModel, { asked, view }) }
}

/** What was checked once is not checked at every block. */
const checked = new Map<string, Answered>()

async function checkAnswer(
  connection: Connection,
  hubModel: HubModel,
  { asked, view }: { readonly asked: Asked; readonly view: RequestView },
): Promise<Answered> {
  const { site } = connection
  const { chainId, contracts } = site.deployment
  const { prover, output, transactionHash } = await findAnswer(connection, asked)
  const known = { output, prover, transactionHash }
  const key = [asked.requestId, transactionHash, prover, output].join(' ')
  const before = checked.get(key)
  if (before !== undefined) return before
  const unknown = (why: string): Answered => ({ ...known, proven: null, why })
  const proof = await proofIn(connection, transactionHash, asked.requestId)
  if (proof === null) return unknown('a contract answered: the verifier on the chain has checked the proof')
  if (hubModel.circuit === null) return unknown('this copy of the console has no verification key of the circuit')
  // The proof names whoever handed it in, so that nobody can take another's.
  const bound = { chainId, hub: contracts.InferenceHub, caller: prover, requestId: asked.requestId }
  const context = contextOf({
    ...bound,
    modelId: view.modelId,
    version: Number(view.version),
    deadline: Number(view.deadline),
  })
  // Another version may be in force by now.
  const model = await openVersion(connection, hubModel.service, Number(view.version))
  const signals = [BigInt(await model.committed()), BigInt(asked.inputCommitment), output, context]
  const base = hubModel.circuit.endsWith('/') ? hubModel.circuit : `${hubModel.circuit}/`
  const verification = await readKey(new URL('verification_key.json', base))
  const proven = await modelWorker().verify(verification, hubModel.vkHash, proof, signals)
  const answered = { ...known, proven, why: '' }
  checked.set(key, answered)
  return answered
}

async function readKey(url: URL): Promise<unknown> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url.href}: HTTP ${response.status}`)
  const text = await response.text()
  if (text.length > MOST_KEY) throw new Error(`${url.href} has ${text.length} bytes, at most ${MOST_KEY} are read`)
  return JSON.parse(text)
}

async function findAnswer({ provider, site, head }: Connection, { requestId, block }: Asked) {
  const address = site.deployment.contracts.InferenceHub
  const abi = contractInterface('InferenceHub')
  const topics = [abi.getEvent('InferenceFulfilled')!.topicHash, requestId]
  for (let from = block; from <= head.peek().block + 1; from += SPAN) {
    const [log] = await provider.getLogs({ address, topics, fromBlock: from, toBlock: from + SPAN - 1 })
    const event = log === undefined ? null : readLog(abi, { topics: [...log.topics], data: log.data })
    if (event === null) continue
    const { prover, output } = event.args
    return { prover: String(prover), output: BigInt(output), transactionHash: log!.transactionHash }
  }
  throw new Error(`the hub's log has no answer to request ${requestId}, which it calls answered`)
}

/** The proof for a request in the transaction that answered it; null where somebody else's contract made the call. */
async function proofIn({ provider, site }: Connection, hash: string, requestId: string): Promise<SolidityProof | null> {
  const sent = await provider.getTransaction(hash)
  if (sent === null || sent.to !== site.deployment.contracts.InferenceHub) return null
  const call = contractInterface('InferenceHub').parseTransaction({ data: sent.data })
  if (call?.name === 'fulfil') return plain(call.args[2])
  if (call?.name !== 'fulfilBatch') return null
  const at = [...call.args[0]].indexOf(requestId)
  return at < 0 ? null : plain(call.args[2][at])
}

/** Copied out of ethers' results, which are proxies: a worker takes plain data alone. */
function plain({ a, b, c }: { a: bigint[]; b: bigint[][]; c: bigint[] }): SolidityProof {
  return {
    a: [a[0]!, a[1]!],
    b: [
      [b[0]![0]!, b[0]![1]!],
      [b[1]![0]!, b[1]![1]!],
    ],
    c: [c[0]!, c[1]!],
  }
}

/** Takes back the price of a question that nobody answered: credits it, and sends the credit. @returns wei */
export async function takeBack({ site }: Connection, requestId: string): Promise<bigint> {
  const { chainId, contracts } = site.deployment
  const signer = await signerOn(chainId)
  const hub = clients.hub(contracts.InferenceHub, signer)
  await refundRequest(hub, requestId)
  return await withdrawBalance(hub, await signer.getAddress())
}
