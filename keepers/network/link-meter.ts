// SPDX-License-Identifier: GPL-3.0-or-later

/** Most peers to remember, the newest ones. A DHT connects to any number of peers. */
const PEERS = 1_024

/**
 * Remembers when bytes last came from each peer. A transfer reports a block only when it is complete, so without this, a peer that delivers over a slow
 * link would look like one that has disappeared.
 */
export class LinkMeter {
  readonly #heard = new Map<string, number>()

  /** Milliseconds (`performance.now()`) at which the last bytes of a peer came, those of handshakes included; −∞ for none. */
  heardAt(peer: string): number {
    return this.#heard.get(peer) ?? Number.NEGATIVE_INFINITY
  }

  /** Remembers that bytes of this peer have just come. */
  note(peer: string): void {
    this.#heard.delete(peer)
    this.#heard.set(peer, performance.now())
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= PEERS) break
      this.#heard.delete(oldest)
    }
  }
}
