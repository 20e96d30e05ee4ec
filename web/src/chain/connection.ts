// SPDX-License-Identifier: GPL-3.0-or-later
// The chain as this copy of the console reads it, and whether it answers.
import { type Signal, signal } from '@preact/signals'
import { DaoClient, FailoverProvider } from '../../../keepers/chain/index.ts'
import { GatewayPlane } from '../blobs/gateway-plane.ts'
import type { HistoryBase } from '../indexed/base.ts'
import type { Site } from '../site/site.ts'
import { ContractHistory } from './history.ts'
import { blockShelf, historyShelf } from './shelf.ts'
import { signerOn } from './wallet.ts'

/** Milliseconds between looks at the chain while the page is visible. */
const LOOK_EVERY = 2_000
/** Milliseconds for one request, and for all attempts of it: a person waits. */
const PATIENCE = { timeout: 8_000, patience: 8_000 } as const

/** The newest block that was read, and what is wrong with the endpoint if anything is. */
export type Head = { readonly block: number; readonly timestamp: number; readonly problem: string | null }

/** A service's log, and what an index told of the time before it. */
export type ServiceHistory = { readonly history: ContractHistory; readonly base: HistoryBase | null }

/** Where histories of services come from: an index, or why not from the one that the site names. */
export type Source = { readonly text: string; readonly refused: boolean }

export class Connection {
  readonly site: Site
  readonly provider: FailoverProvider
  readonly plane: GatewayPlane
  readonly dao: Promise<DaoClient>
  readonly head: Signal<Head> = signal({ block: 0, timestamp: 0, problem: null })
  /** Null while no history was read, and where the site names no index. */
  readonly source: Signal<Source | null> = signal(null)
  readonly #histories = new Map<string, ContractHistory>()
  readonly #services = new Map<string, Promise<ServiceHistory>>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(site: Site) {
    this.site = site
    this.provider = new FailoverProvider({ urls: site.rpc, chainId: BigInt(site.deployment.chainId), ...PATIENCE })
    this.plane = new GatewayPlane({ gateways: site.gateways, shelf: blockShelf })
    this.dao = DaoClient.connect({ provider: this.provider, deployment: site.deployment })
    this.dao.catch(() => undefined)
  }

  /** The DAO's client that signs with the visitor's wallet. @throws WalletError */
  async signingDao(): Promise<DaoClient> {
    const { deployment } = this.site
    return await DaoClient.connect({ provider: this.provider, deployment, signer: await signerOn(deployment.chainId) })
  }

  /** The events of a contract; one history for all that show it. */
  history(address: string): ContractHistory {
    const { provider, site } = this
    const { chainId, fromBlock } = site.deployment
    const known = this.#histories.get(address)
    if (known !== undefined) return known
    const made = new ContractHistory({ provider, shelf: historyShelf, chainId, address, fromBlock })
    this.#histories.set(address, made)
    return made
  }

  /** The history of a service: with its beginning from the site's index, if there is one that does not contradict the chain. */
  serviceHistory(address: string): Promise<ServiceHistory> {
    const known = this.#services.get(address)
    if (known !== undefined) return known
    const made = this.#beginHistory(address)
    this.#services.set(address, made)
    // An endpoint that is gone is asked again; what an index said wrong stays said.
    made.catch(() => this.#services.delete(address))
    return made
  }

  async #beginHistory(address: string): Promise<ServiceHistory> {
    const { provider, site } = this
    const { chainId, fromBlock } = site.deployment
    const { index } = site
    if (index === null) return { history: this.history(address), base: null }
    const { host } = new URL(index)
    const { readBase, IndexError } = await import('../indexed/base.ts')
    try {
      const base = await readBase({ url: index, service: address, chainId, fromBlock, provider })
      const text = `history up to block ${base.until} from the index at ${host}, ${base.compared} of its rounds compared with the chain`
      this.source.value = { text, refused: false }
      // It is not kept: on the shelf are histories from their beginning.
      const shelf = { get: async () => undefined, put: async () => undefined }
      return { history: new ContractHistory({ provider, shelf, chainId, address, fromBlock: base.until + 1 }), base }
    } catch (error) {
      if (!(error instanceof IndexError)) throw error
      this.source.value = {
        text: `The index at ${host} is not used: ${error.message}. The page reads the chain's log itself.`,
        refused: true,
      }
      return { history: this.history(address), base: null }
    }
  }

  /** Looks at the chain again and again while the page is visible. */
  start(): void {
    const look = async (): Promise<void> => {
      if (document.visibilityState === 'visible') await this.look()
      this.#timer = setTimeout(look, LOOK_EVERY)
    }
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') return
      clearTimeout(this.#timer)
      void look()
    })
    void look()
  }

  /** One look. An endpoint that is gone leaves what was read, and says so. */
  async look(): Promise<void> {
    try {
      const block = await this.provider.getBlock('latest')
      if (block === null) return
      const { block: known, timestamp, problem } = this.head.peek()
      if (block.number === known && block.timestamp === timestamp && problem === null) return
      this.head.value = { block: block.number, timestamp: block.timestamp, problem: null }
    } catch (error) {
      this.head.value = { ...this.head.peek(), problem: (error as Error).message }
    }
  }
}
