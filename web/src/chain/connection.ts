// SPDX-License-Identifier: GPL-3.0-or-later
// The chain as this copy of the console reads it, and whether it answers.
import { type Signal, signal } from '@preact/signals'
import { DaoClient, FailoverProvider } from '../../../keepers/chain/index.ts'
import { GatewayPlane } from '../blobs/gateway-plane.ts'
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

export class Connection {
  readonly site: Site
  readonly provider: FailoverProvider
  readonly plane: GatewayPlane
  readonly dao: Promise<DaoClient>
  readonly head: Signal<Head> = signal({ block: 0, timestamp: 0, problem: null })
  readonly #histories = new Map<string, ContractHistory>()
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
