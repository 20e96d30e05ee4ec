// SPDX-License-Identifier: GPL-3.0-or-later
// Actions on a ledger of private tables: describe releases, commit to versions, ask, accept, count, deliver.
import { setTimeout as wait } from 'node:timers/promises'
import { AbiCoder, ContractFactory, getAddress, type JsonRpcApiProvider, keccak256, type Signer } from 'ethers'
import type { PrivateTables } from '../../../types/index.ts'
import { contractArtifact } from '../artifacts.ts'
import { clients } from '../contracts.ts'
import { Sender } from '../dao/sender.ts'
import type { Sent } from '../dao/terms.ts'
import { hasWitnesses } from '../witnesses.ts'
import { agreedView, viewOf, type Witnesses } from './agreed.ts'
import { releaseQueryIdOf } from './names.ts'
import {
  PrivateTableError,
  type ReleaseQuery,
  type ReleaseView,
  type SeriesTerms,
  type SeriesView,
  type VersionView,
} from './terms.ts'

/** A proof as contracts take it. */
type SolidityProof = {
  readonly a: readonly [bigint, bigint]
  readonly b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]]
  readonly c: readonly [bigint, bigint]
}

/** Milliseconds between looks at the chain's head. */
const POLL_MS = 500
/** The EVM can read the hashes of this many latest blocks. */
const READABLE_BLOCKS = 256

/** The hash by which a version commits to its chunks on the chain. @param chunks commitments of all chunks, in order */
export function chunksHashOf(chunks: readonly bigint[]): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(['uint256[]'], [chunks]))
}

export class PrivateTablesClient {
  readonly sender: Sender
  readonly #provider: JsonRpcApiProvider
  readonly #ledger: PrivateTables
  readonly #endpoints: Witnesses | undefined
  readonly chainId: bigint
  /** Address of the ledger. */
  readonly address: string

  private constructor(
    ledger: PrivateTables,
    { chainId, address }: { readonly chainId: bigint; readonly address: string },
    { provider, endpoints }: { readonly provider: JsonRpcApiProvider; readonly endpoints: Witnesses | undefined },
    signer: Signer | undefined,
  ) {
    this.#ledger = ledger
    this.chainId = chainId
    this.address = address
    this.#provider = provider
    this.#endpoints = endpoints
    this.sender = new Sender(signer, ['PrivateTables', 'VerifierRegistry'])
  }

  /**
   * @param verifiers the registry by which proofs are to be judged; any when absent
   * @param endpoints asked one by one for facts that must not rest on one of them alone; without these, the provider's word counts
   * @throws PrivateTableError wrong-contract
   */
  static async open(
    address: string,
    verifiers: string | undefined,
    provider: JsonRpcApiProvider,
    signer?: Signer,
    endpoints?: Witnesses,
  ): Promise<PrivateTablesClient> {
    const ledger = clients.privateTables(address, signer ?? provider)
    const found = await Promise.all([ledger.VERIFIERS(), ledger.BEACON_DELAY()]).then(
      ([registry]) => registry,
      (cause) => {
        throw new PrivateTableError('wrong-contract', `there is no ledger of tables at ${address}: correct --ledger`, {
          cause,
        })
      },
    )
    if (verifiers !== undefined && getAddress(found) !== getAddress(verifiers))
      throw new PrivateTableError(
        'wrong-contract',
        `${address} judges proofs by the registry at ${found}, the deployment’s is ${verifiers}: correct --ledger or --deployment`,
      )
    const { chainId } = await provider.getNetwork()
    return new PrivateTablesClient(ledger, { chainId, address: getAddress(address) }, { provider, endpoints }, signer)
  }

  /** Deploys a ledger. @param admin describes circuits, and hands that right on */
  static async deploy(
    signer: Signer,
    { verifiers, treasury, admin }: Record<'verifiers' | 'treasury' | 'admin', string>,
  ): Promise<string> {
    const { abi, bytecode } = contractArtifact('PrivateTables')
    const contract = await new ContractFactory(abi as string[], bytecode, signer).deploy(verifiers, treasury, admin)
    await contract.waitForDeployment()
    return await contract.getAddress()
  }

  async describeNoise(circuitId: string, epsilon: bigint, delta: bigint): Promise<Sent> {
    return await this.sender.send('describeNoise', () => this.#ledger.describeNoise(circuitId, epsilon, delta))
  }

  async describeQuery(query: ReleaseQuery): Promise<Sent & { readonly queryId: string }> {
    const sent = await this.sender.send('describeQuery', () => this.#ledger.describeQuery(query))
    return { ...sent, queryId: releaseQueryIdOf(query) }
  }

  async knowsQuery(queryId: string): Promise<boolean> {
    const found = await this.#ledger.queryFilter(this.#ledger.filters.QueryDescribed(queryId))
    return found.length > 0
  }

  /** A request's name among all chains and ledgers. */
  nameOf(requestId: number): string {
    return `${this.chainId}/${this.address}/${requestId}`
  }

  /** Whether the registrar described what a noise circuit costs, and the cost. */
  async noiseOf(circuitId: string): Promise<{ readonly epsilon: bigint; readonly delta: bigint }> {
    const { epsilon, delta } = await this.#ledger.noiseOf(circuitId)
    return { epsilon, delta }
  }

  async openSeries(terms: SeriesTerms): Promise<Sent & { readonly seriesId: number }> {
    const sent = await this.sender.send('openSeries', () => this.#ledger.openSeries(terms))
    return { ...sent, seriesId: Number(await this.#valueOf(sent, 'SeriesOpened', 'seriesId')) }
  }

  async commitVersion(
    seriesId: number,
    chunks: readonly bigint[],
    seedCommitment: bigint,
  ): Promise<Sent & { readonly version: number }> {
    const sent = await this.sender.send('commitVersion', () =>
      this.#ledger.commitVersion(seriesId, chunksHashOf(chunks), chunks.length, seedCommitment),
    )
    return { ...sent, version: Number(await this.#valueOf(sent, 'VersionCommitted', 'version')) }
  }

  /** Pays the series' fee. @param model 0 with no elements for a query without a model */
  async request(
    seriesId: number,
    version: number,
    queryId: string,
    model: bigint,
    elements: readonly bigint[],
  ): Promise<Sent & { readonly requestId: number }> {
    const { fee } = await this.series(seriesId)
    const sent = await this.sender.send('request', () =>
      this.#ledger.request(seriesId, version, queryId, model, [...elements], { value: fee }),
    )
    return { ...sent, requestId: Number(await this.#valueOf(sent, 'ReleaseRequested', 'requestId')) }
  }

  async cancel(requestId: number): Promise<Sent> {
    return await this.sender.send('cancel', () => this.#ledger.cancel(requestId))
  }

  /** Stakes the series' bond. */
  async accept(requestId: number): Promise<Sent> {
    const { bond } = await this.series((await this.release(requestId)).seriesId)
    return await this.sender.send('accept', () => this.#ledger.accept(requestId, { value: bond }))
  }

  /**
   * Fixes the beacon of an accepted request once its block is there, and waits until `confirmations` blocks are on top of that block. After a
   * reorganisation there could be another beacon, and with it different noise on the same counts.
   * @throws PrivateTableError wrong-state when the EVM can no longer read the hash
   */
  async fixBeacon(requestId: number, confirmations: number, signal?: AbortSignal): Promise<void> {
    const { beaconBlock, beacon } = await this.release(requestId)
    if (beacon === null) {
      const head = await this.#waitFor(beaconBlock, signal)
      if (head >= beaconBlock + READABLE_BLOCKS)
        throw new PrivateTableError(
          'wrong-state',
          `request ${requestId}: the hash of block ${beaconBlock} can no longer be read, and there is no other beacon; the request can only expire`,
        )
      await this.sender.send('fixBeacon', () => this.#ledger.fixBeacon(requestId))
    }
    await this.#waitFor(beaconBlock + confirmations, signal)
  }

  async advance(
    requestId: number,
    chunks: readonly bigint[],
    states: readonly bigint[],
    proofs: readonly SolidityProof[],
  ): Promise<Sent> {
    return await this.sender.send('advance', () =>
      this.#ledger.advance(requestId, [...chunks], [...states], proofs.map(encoded)),
    )
  }

  async deliver(requestId: number, outputs: readonly bigint[], proofs: readonly SolidityProof[]): Promise<Sent> {
    return await this.sender.send('deliver', () => this.#ledger.deliver(requestId, [...outputs], proofs.map(encoded)))
  }

  async expire(requestId: number): Promise<Sent> {
    return await this.sender.send('expire', () => this.#ledger.expire(requestId))
  }

  /** Sends the signer what the ledger owes it. */
  async withdraw(): Promise<Sent> {
    const account = await this.sender.address()
    return await this.sender.send('withdraw', () => this.#ledger.withdraw(account, account))
  }

  async contextOf(requestId: number, slice: number): Promise<bigint> {
    return await this.#ledger.contextOf(requestId, slice)
  }

  /** @throws PrivateTableError unknown */
  async series(seriesId: number): Promise<SeriesView> {
    const count = Number(await this.#ledger.seriesCount())
    if (seriesId < 1 || seriesId > count)
      throw new PrivateTableError('unknown', `there is no series ${seriesId}: the ledger has ${count}`)
    const { server, versions, spentEpsilon, spentDelta, failed, terms } = await this.#ledger.seriesOf(seriesId)
    const { maxEpsilon, maxDelta, versionEpsilon, fee, bond } = terms
    return {
      ...{ seriesId, server, versions: Number(versions), spentEpsilon, spentDelta, failed: Number(failed) },
      ...{ maxEpsilon, maxDelta, versionEpsilon, fee, bond },
      ...{ interval: Number(terms.interval), deliverySeconds: Number(terms.deliverySeconds) },
    }
  }

  /** @throws PrivateTableError unknown */
  async version(seriesId: number, version: number): Promise<VersionView> {
    const { versions } = await this.series(seriesId)
    if (version < 1 || version > versions)
      throw new PrivateTableError('unknown', `there is no version ${version}: series ${seriesId} has ${versions}`)
    const { chunksHash, seedCommitment, chunks, spentEpsilon } = await this.#ledger.versionOf(seriesId, version)
    return { chunksHash, seedCommitment, chunks: Number(chunks), spentEpsilon }
  }

  /** @throws PrivateTableError unknown */
  async release(requestId: number): Promise<ReleaseView> {
    const count = Number(await this.#ledger.requestCount())
    if (requestId < 1 || requestId > count)
      throw new PrivateTableError('unknown', `there is no request ${requestId}: the ledger has ${count}`)
    return viewOf(requestId, await this.#ledger.requestOf(requestId))
  }

  /**
   * The same, as two endpoints of different hosts, or the operator's own one, report it at one block. If only one is configured, its word counts.
   * @throws PrivateTableError unknown, unheard
   */
  async agreedRelease(requestId: number, signal?: AbortSignal): Promise<ReleaseView> {
    const found = await this.release(requestId)
    if (this.#endpoints === undefined || !hasWitnesses(this.#endpoints)) return found
    return await agreedView(this.#ledger, this.#endpoints, requestId, signal)
  }

  /** The model that a request carries: its field elements. */
  async elementsOf(requestId: number): Promise<readonly bigint[]> {
    const [found] = await this.#ledger.queryFilter(this.#ledger.filters.ReleaseRequested(requestId))
    if (found === undefined)
      throw new PrivateTableError('unknown', `no log of request ${requestId}: ask another endpoint`)
    return found.args.elements
  }

  /** The slices that were delivered, and the transaction. @throws PrivateTableError wrong-state before delivery */
  async outputsOf(requestId: number): Promise<{ readonly outputs: readonly bigint[]; readonly hash: string }> {
    const { status } = await this.release(requestId)
    if (status !== 'delivered')
      throw new PrivateTableError('wrong-state', `request ${requestId} is ${status}, not delivered`)
    const [found] = await this.#ledger.queryFilter(this.#ledger.filters.ReleaseDelivered(requestId))
    if (found === undefined)
      throw new PrivateTableError('unknown', `no log of request ${requestId}’s delivery: ask another endpoint`)
    return { outputs: found.args.outputs, hash: found.transactionHash }
  }

  /** A field of the event that a transaction left. */
  async #valueOf(sent: Sent, event: string, field: string): Promise<bigint> {
    const receipt = await this.#provider.getTransactionReceipt(sent.hash)
    const parsed = (receipt?.logs ?? []).map((log) => this.#ledger.interface.parseLog(log))
    const found = parsed.find((each) => each?.name === event)
    if (found == null) throw new PrivateTableError('wrong-contract', `${sent.hash} left no ${event}: correct --ledger`)
    return found.args[field] as bigint
  }

  /** The head, once it is at `block` or after. */
  async #waitFor(block: number, signal?: AbortSignal): Promise<number> {
    for (;;) {
      const head = await this.#provider.getBlockNumber()
      if (head >= block) return head
      await wait(POLL_MS, undefined, signal === undefined ? {} : { signal })
    }
  }
}

function encoded({ a, b, c }: SolidityProof) {
  return { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as {
    a: [bigint, bigint]
    b: [[bigint, bigint], [bigint, bigint]]
    c: [bigint, bigint]
  }
}
