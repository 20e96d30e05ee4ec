// SPDX-License-Identifier: GPL-3.0-or-later
// The simulated network between keepers: how long a transfer takes over an uplink and a downlink that others use, too.
import type { Process, World } from './world.ts'

/** How a keeper is connected. */
export type Link = {
  /** One-way delay to the middle of the network, in milliseconds: two keepers are twice that apart, one way. */
  readonly delay: number
  /** Bits a second, each way. */
  readonly up: number
  readonly down: number
  /** Share of packets that is lost. */
  readonly loss: number
}

/** Round trips of the protocols, and bytes that go with them, as `npm run bench -- scale` measures them. */
export type Protocol = {
  /** Round trips of a first contact: TCP, noise, yamux. */
  readonly dial: number
  /** Of a whole blob of one block, over bitswap; each level of blocks below the root costs `level` more. */
  readonly blob: number
  readonly level: number
  /** Of a range, or a note, on a new stream; and on one that has given an answer up to `kept` seconds ago. */
  readonly part: number
  readonly again: number
  readonly kept: number
  /** Seconds after which a connection that nobody uses is closed. */
  readonly idle: number
  /** Bytes, each way together. */
  readonly dialBytes: number
  readonly askBytes: number
}

/** Payload of a packet, and its headers: IPv4, TCP with time stamps, Ethernet. */
const PACKET = { payload: 1448, headers: 66 } as const
/** TCP's first window, in packets (RFC 6928). */
const FIRST_WINDOW = 10
/** √(3/2): a flow with random loss p gets payload/RTT · √(3/2)/√p (Mathis, Semke, Mahdavi, Ott, CCR 1997). */
const LOSS_FACTOR = Math.sqrt(1.5)
/** Rates are recomputed when the number of flows at an end has changed by this fraction. */
const HYSTERESIS = 1 / 32

/** Most bits that rounding may leave of a finished transfer. */
const DONE_BITS = 1e-3

type Flow = {
  readonly from: End
  readonly to: End
  readonly cap: number
  left: number
  rate: number
  at: number
  /** When it is done, at the latest rate that was the fastest. */
  due: number
  readonly resume: () => void
}

/** One direction of a link. */
type End = {
  readonly capacity: number
  readonly flows: Set<Flow>
  /** Number of flows when their rates were last computed. */
  known: number
  /** Bits that came through. */
  carried: number
}

/** Bits per second that a flow reaches with random loss. */
export function lossyRate(roundTrip: number, loss: number): number {
  return loss <= 0 ? Number.POSITIVE_INFINITY : ((8 * PACKET.payload) / roundTrip) * (LOSS_FACTOR / Math.sqrt(loss))
}

/** Round trips that a transfer of this many bytes spends in slow start, in which the window doubles until it reaches the rate. */
export function slowStart(bytes: number, roundTrip: number, rate: number): number {
  const first = FIRST_WINDOW * PACKET.payload
  const full = (rate * roundTrip) / 8
  const sent = (rounds: number): number => first * (2 ** rounds - 1)
  let rounds = 0
  while (sent(rounds + 1) < bytes && first * 2 ** rounds < full) rounds++
  return rounds
}

/** Bytes on the wire for a payload, headers and what is sent again included. */
export const wireBytes = (payload: number, loss: number): number =>
  (payload + PACKET.headers * Math.ceil(payload / PACKET.payload)) / (1 - loss)

/**
 * Links with fair sharing. Each of a link's k flows gets 1/k of it, and a flow runs at the lower of the rates at its two ends. What a flow leaves
 * unused because its other end is slower, others do not get, so rates are never above those of max-min fairness.
 */
export class Network {
  readonly #world: World
  readonly #links: readonly Link[]
  readonly #ends: readonly { readonly up: End; readonly down: End }[]
  readonly #protocol: Protocol
  /** When each pair was last heard of, while its connection is open. */
  readonly #connected = new Map<number, number>()
  /** By pair, when one last asked the other. */
  readonly #asked = new Map<number, number>()

  constructor(world: World, links: readonly Link[], protocol: Protocol) {
    this.#world = world
    this.#links = links
    this.#protocol = protocol
    const end = (capacity: number): End => ({ capacity, flows: new Set(), known: 0, carried: 0 })
    this.#ends = links.map(({ up, down }) => ({ up: end(up), down: end(down) }))
  }

  /** Seconds for a packet there and back. */
  roundTrip(a: number, b: number): number {
    return (2 * (this.#links[a]!.delay + this.#links[b]!.delay)) / 1000
  }

  /** Bytes that have gone over a keeper's uplink and downlink. */
  carried(node: number): { readonly up: number; readonly down: number } {
    const { up, down } = this.#ends[node]!
    return { up: up.carried / 8, down: down.carried / 8 }
  }

  /** Waits until two keepers are connected. Those that have not spoken for a while dial again. */
  *connect(a: number, b: number): Process {
    if (a === b) return
    const pair = Math.min(a, b) * this.#links.length + Math.max(a, b)
    const isOpen = (): boolean => this.#world.now - (this.#connected.get(pair) ?? -Infinity) <= this.#protocol.idle
    if (!isOpen()) {
      // Both sides may dial at the same time. The pair then uses the connection that is established first.
      yield* this.#world.sleep(this.#protocol.dial * this.roundTrip(a, b))
      if (!isOpen()) yield* this.transfer(b, a, this.#protocol.dialBytes)
    }
    this.#connected.set(pair, this.#world.now)
  }

  /** Round trips of a request for a part or a note that is sent now. Of several at a time, the first ones open streams for the others. */
  partRounds(asker: number, asked: number): number {
    const pair = asker * this.#links.length + asked
    const { now } = this.#world
    const isKept = now - (this.#asked.get(pair) ?? -Infinity) <= this.#protocol.kept
    this.#asked.set(pair, now)
    return isKept ? this.#protocol.again : this.#protocol.part
  }

  /**
   * A request and its answer: round trips, and the bytes of the answer.
   * @param rounds Round trips besides those of slow start. The last half is the answer's way.
   */
  *ask(asker: number, asked: number, bytes: number, rounds: number): Process {
    const loss = this.#lossOf(asker, asked)
    const roundTrip = this.roundTrip(asker, asked)
    const { up } = this.#links[asked]!
    const { down } = this.#links[asker]!
    const more = slowStart(bytes, roundTrip, Math.min(up, down, lossyRate(roundTrip, loss)))
    yield* this.#world.sleep((rounds + more) * roundTrip)
    yield* this.transfer(asked, asker, bytes + this.#protocol.askBytes)
  }

  /** Moves bytes over the links alone, without delay. */
  *transfer(from: number, to: number, bytes: number): Process {
    if (from === to || bytes <= 0) return
    const loss = this.#lossOf(from, to)
    const bits = 8 * wireBytes(bytes, loss)
    yield (resume) => {
      const [source, target] = [this.#ends[from]!.up, this.#ends[to]!.down]
      const flow: Flow = {
        from: source,
        to: target,
        cap: lossyRate(this.roundTrip(from, to), loss),
        left: bits,
        rate: 0,
        at: this.#world.now,
        due: Number.POSITIVE_INFINITY,
        resume,
      }
      for (const end of [source, target]) {
        end.flows.add(flow)
        end.carried += bits
      }
      this.#share(flow)
      this.#settle(source)
      this.#settle(target)
    }
  }

  #lossOf(a: number, b: number): number {
    return 1 - (1 - this.#links[a]!.loss) * (1 - this.#links[b]!.loss)
  }

  /** Recomputes the rates of an end's flows, if their number has changed enough. */
  #settle(end: End): void {
    if (Math.abs(end.flows.size - end.known) <= HYSTERESIS * end.known) return
    end.known = end.flows.size
    for (const flow of end.flows) this.#share(flow)
  }

  #share(flow: Flow): void {
    const { from, to, cap } = flow
    const rate = Math.min(from.capacity / from.flows.size, to.capacity / to.flows.size, cap)
    if (rate === flow.rate) return
    this.#serve(flow)
    flow.rate = rate
    // If a flow has become slower, its event comes too early and is set again.
    const due = this.#world.now + flow.left / rate
    if (due < flow.due) this.#arm(flow, due)
  }

  #serve(flow: Flow): void {
    const { now } = this.#world
    flow.left = Math.max(0, flow.left - (now - flow.at) * flow.rate)
    flow.at = now
  }

  #arm(flow: Flow, due: number): void {
    flow.due = due
    this.#world.at(due, () => {
      if (flow.due !== due) return
      this.#serve(flow)
      const { now } = this.#world
      const next = now + flow.left / flow.rate
      // What rounding leaves may take less time than the clock can count.
      if (flow.left > DONE_BITS && next > now) this.#arm(flow, next)
      else this.#end(flow)
    })
  }

  #end(flow: Flow): void {
    flow.due = Number.NEGATIVE_INFINITY
    for (const end of [flow.from, flow.to]) {
      end.flows.delete(flow)
      this.#settle(end)
    }
    flow.resume()
  }
}
