// SPDX-License-Identifier: GPL-3.0-or-later
import { multiaddr } from '@multiformats/multiaddr'
import { getBytes, hexlify } from 'ethers'
import type { ILearningService, KeeperRegistry } from '../../types/index.ts'
import { type Clock, steady } from './clock.ts'
import { seatsOf } from './seats.ts'

/** Milliseconds before an address from the registry is looked up again; after a failed fetch it is looked up at once. */
const FRESH_MS = 600_000

/** Milliseconds for which an address is kept even after failed fetches. Otherwise a keeper that waits for a blob would keep looking up all addresses. */
const RECENT_MS = 10_000

/** Milliseconds between two looks at who has a seat, however often unknown peers connect. */
const SEATED_MS = 30_000

/** Binary multiaddr as the registry holds it. @throws for text that is not a multiaddr. */
export function encodeAddress(text: string): string {
  return hexlify(multiaddr(text).bytes)
}

/** Text of a registry address, or null when its bytes cannot be dialled: anyone can register anything. */
export function decodeAddress(hex: string): string | null {
  try {
    const address = multiaddr(getBytes(hex))
    return address.getComponents().at(-1)?.name === 'p2p' ? address.toString() : null
  } catch {
    return null
  }
}

/** The addresses at which the keepers of seats can be reached, from the registry. */
export class PeerBook {
  readonly #service: ILearningService
  readonly #registry: KeeperRegistry
  readonly #clock: Clock
  readonly #known = new Map<number, { readonly address: Promise<string | null>; readonly readAt: number }>()

  #seated: { readonly ids: Promise<ReadonlySet<string>>; readonly readAt: number } | null = null

  constructor(service: ILearningService, registry: KeeperRegistry, clock: Clock) {
    this.#service = service
    this.#registry = registry
    this.#clock = clock
  }

  /** After failed fetches: forgets the addresses of these seats (default: all), except those read just now, because they may have changed. */
  refresh(seats: Iterable<number> = [...this.#known.keys()]): void {
    const now = steady(this.#clock)
    for (const seat of seats) {
      const known = this.#known.get(seat)
      if (known !== undefined && now - known.readAt >= RECENT_MS) this.#known.delete(seat)
    }
  }

  /** Addresses to ask for a blob: the seats in `first`, then `others`, without our own seat. */
  async providers(first: number, others: readonly number[], self: number | null): Promise<string[]> {
    const order = [first, ...others.filter((seat) => seat !== first)].filter((seat) => seat !== self)
    const addresses = await Promise.all(order.map((seat) => this.#address(seat)))
    return addresses.filter((address) => address !== null)
  }

  /** Whether a peer is the keeper of a seat, by the peer id in its registered address. False for all while the chain cannot be asked. */
  async isSeated(peer: string): Promise<boolean> {
    const now = steady(this.#clock)
    if (this.#seated === null || now - this.#seated.readAt >= SEATED_MS) {
      this.#seated = { ids: this.#idsOfSeats().catch(() => new Set<string>()), readAt: now }
    }
    return (await this.#seated.ids).has(peer)
  }

  async #idsOfSeats(): Promise<ReadonlySet<string>> {
    const seats = seatsOf((await this.#service.seats()).seated)
    const addresses = await Promise.all(seats.map((seat) => this.#address(seat)))
    return new Set(addresses.filter((address) => address !== null).map((address) => address.split('/p2p/').at(-1)!))
  }

  #address(seat: number): Promise<string | null> {
    const known = this.#known.get(seat)
    if (known && steady(this.#clock) - known.readAt < FRESH_MS) return known.address
    const address = this.#read(seat)
    // Many fetches begin at the same time, and share the answer.
    const entry = { address, readAt: steady(this.#clock) }
    this.#known.set(seat, entry)
    address.catch(() => {
      if (this.#known.get(seat) === entry) this.#known.delete(seat)
    })
    return address
  }

  async #read(seat: number): Promise<string | null> {
    const { keeper } = await this.#service.seatInfo(seat)
    const { multiaddr: binary } = await this.#registry.keeperOf(keeper)
    return decodeAddress(binary)
  }
}
