// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps streams to other keepers open, on which questions are asked one after the other. Opening a stream takes a round trip for its protocol, and more
// packets and CPU time than most answers, and in a round a keeper has several questions for each of the others.
import type { Connection } from '@libp2p/interface'
import { ByteQueue } from './byte-queue.ts'
import { NetworkError } from './errors.ts'
import type { HeliaNode } from './node.ts'
import type { Provider } from './provider.ts'

type Stream = Awaited<ReturnType<HeliaNode['libp2p']['dialProtocol']>>

/** A stream to a peer, and what came over it. */
export type QuestionStream = { readonly stream: Stream; readonly answers: ByteQueue }

/** Most idle streams to one peer that are kept for further questions. */
const IDLE_EACH = 2
/** Bytes that a peer may send on a new stream before it is asked. */
const EARLY_BYTES = 1 << 16

export class QuestionStreams {
  readonly #node: HeliaNode
  readonly #protocol: string
  readonly #stopping: AbortSignal
  /** By peer. */
  readonly #idle = new Map<string, QuestionStream[]>()

  constructor(node: HeliaNode, protocol: string, stopping: AbortSignal) {
    this.#node = node
    this.#protocol = protocol
    this.#stopping = stopping
  }

  /** A kept stream that has answered before. The peer may be closing it at this moment. */
  again({ peer }: Provider): QuestionStream | undefined {
    const idle = this.#idle.get(peer.toString()) ?? []
    for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
      if (one.stream.status === 'open') return one
    }
    return undefined
  }

  /** Opens a new stream, over an existing connection if there is one. */
  async open({ address, peer }: Provider, signal: AbortSignal): Promise<QuestionStream> {
    const { libp2p } = this.#node
    const isFit = ({ status, direct, limits }: Connection): boolean =>
      status === 'open' && direct && limits === undefined
    const connection = libp2p.getConnections(peer).find(isFit)
    let stream: Stream
    if (connection !== undefined) stream = await connection.newStream(this.#protocol, { signal })
    else {
      // If this question's time ends first, the handshake goes on, and the next question finds a connection.
      libp2p.dial(address, { signal: this.#stopping }).catch(() => undefined)
      stream = await libp2p.dialProtocol(address, this.#protocol, { signal })
    }
    const drop = (): void => {
      const idle = this.#idle.get(peer.toString())
      const at = idle?.findIndex((one) => one.stream === stream) ?? -1
      if (at < 0) return
      idle!.splice(at, 1)
      stream.close({ signal: this.#stopping }).catch((error: Error) => stream.abort(error))
    }
    stream.addEventListener('remoteCloseWrite', drop)
    stream.addEventListener('close', drop)
    return { stream, answers: new ByteQueue(stream, { lengthBytes: 4, most: EARLY_BYTES }) }
  }

  /** Keeps a stream that has given its answer for the next question, or closes it. */
  async keep({ peer }: Provider, one: QuestionStream, signal: AbortSignal): Promise<void> {
    const name = peer.toString()
    const idle = this.#idle.get(name) ?? []
    const isFit = one.stream.status === 'open' && !one.answers.hasMore && !this.#stopping.aborted
    if (!isFit || idle.length >= IDLE_EACH) {
      await one.answers.close()
      return one.stream.close({ signal })
    }
    // By the protocol, nothing comes without a question. A single byte ends the stream.
    one.answers.allow(0)
    if (idle.length === 0) this.#idle.set(name, idle)
    idle.push(one)
  }

  stop(): void {
    const stopped = new NetworkError('NOT_RUNNING', 'the data plane is stopping')
    for (const idle of this.#idle.values()) for (const { stream } of idle.splice(0)) stream.abort(stopped)
    this.#idle.clear()
  }
}
