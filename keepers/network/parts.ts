// SPDX-License-Identifier: GPL-3.0-or-later
// Two kinds of questions that keepers ask each other directly, one after the other on a stream: for a range of a blob, and for a note. A range
// comes with the blob's root, whose hash proves the range, so the reader trusts nobody. A note is its author's word: noise proves the peer
// id that the reader dialled.
//
// question: u16 length · JSON. answer: blocks (those of links as lean-links.ts has them) or the note, each as u32 length · bytes; a length of 0 where
// there is none. A stream ends with the first answer that is not whole.
import type { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { blocksLimit, collectBytes, tooManyParts } from './assembly.ts'
import { ByteBudget } from './byte-budget.ts'
import { ByteQueue } from './byte-queue.ts'
import { Deadline } from './deadline.ts'
import { NetworkError } from './errors.ts'
import { DAG_PB, type FileNode, MAX_BLOB_BYTES, MAX_BLOCK_BYTES, parseBlobCid, readNode } from './file-format.ts'
import { fullLinks, leanLinks } from './lean-links.ts'
import type { HeliaNode } from './node.ts'
import {
  framed,
  NOTHING,
  partsIn,
  place,
  type Question,
  questionSchema,
  type Range,
  type Stream,
  send,
} from './part-format.ts'
import { providerOf } from './provider.ts'
import { type QuestionStream, QuestionStreams } from './question-streams.ts'
import { RecentBlocks } from './recent-blocks.ts'

const PROTOCOL = '/cohort/parts/1'
const LIMITS = {
  /** Streams of one peer at a time, in either direction. */
  inboundStreams: 64,
  outboundStreams: 256,
  questionBytes: 512,
  /** Bytes of the length before a question; below, before a block or a note. */
  questionLength: 2,
  lengthBytes: 4,
  /** Milliseconds within which a whole question must arrive, and its answer must be taken. */
  asking: 30_000,
  serving: 30_000,
  /** Milliseconds that a question for a note waits for it to be written. */
  waiting: 5_000,
  /** Most notes that are kept, the newest ones. */
  notes: 32,
  noteBytes: 1 << 16,
  /** Bytes. Longer lists of links are sent unchanged, because shortening them costs this keeper work. */
  leanBytes: 1 << 16,
  /** Most bytes of blocks in memory that peers have requested and not yet taken: in all, and for one peer. */
  held: { total: 64 << 20, each: 4 << 20 },
  /** While fewer bytes than this are free, strangers get only their own part. Otherwise somebody who makes up peer ids could keep members out. */
  forMembers: 48 << 20,
  strangers: { total: 8 << 20, each: MAX_BLOCK_BYTES },
  /** Levels of a file below its root. */
  levels: 3,
  /** Most bytes of link nodes in an answer: `spare`, and `each` for every block that the file may have. */
  links: { spare: 2_048, each: 64 },
} as const

type AskOptions = {
  /** Milliseconds. */
  readonly timeout: number
  /** Multiaddr that ends in /p2p/<peer id>. */
  readonly provider: string
  readonly signal?: AbortSignal
}

/** Asks other keepers, and answers them. */
export class Parts {
  readonly #node: HeliaNode
  readonly #notes = new Map<string, Uint8Array>()
  readonly #recent = new RecentBlocks()
  readonly #stopping = new AbortController()
  readonly #streams: QuestionStreams
  readonly #held = new ByteBudget(LIMITS.held)
  readonly #strangers = new ByteBudget(LIMITS.strangers)
  readonly #isMember: (peer: string) => Promise<boolean>
  /** Called when a note is written. */
  readonly #written = new Set<() => void>()

  /** @param isMember by peer id; asked when there is little room for all */
  constructor(node: HeliaNode, isMember: (peer: string) => Promise<boolean>) {
    this.#node = node
    this.#streams = new QuestionStreams(node, PROTOCOL, this.#stopping.signal)
    this.#isMember = isMember
  }

  async start(): Promise<void> {
    await this.#node.libp2p.handle(
      PROTOCOL,
      async (stream, connection) => {
        try {
          await this.#serve(stream, connection.remotePeer.toString())
        } catch (error) {
          stream.abort(error as Error)
        }
      },
      { maxInboundStreams: LIMITS.inboundStreams, maxOutboundStreams: LIMITS.outboundStreams },
    )
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#streams.stop()
    await this.#node.libp2p.unhandle(PROTOCOL)
  }

  /**
   * Writes a note for whoever asks. Notes are only in memory, and the newest 32 are kept. A note replaces an older one of the same name.
   * @throws NetworkError TOO_LARGE above 64 KiB.
   */
  tell(name: string, note: Uint8Array): void {
    if (note.length === 0 || note.length > LIMITS.noteBytes) {
      throw new NetworkError('TOO_LARGE', `note ${name} has ${note.length} bytes: 1 to ${LIMITS.noteBytes} are allowed`)
    }
    this.#notes.delete(name)
    this.#notes.set(name, note)
    for (const oldest of this.#notes.keys()) {
      if (this.#notes.size <= LIMITS.notes) break
      this.#notes.delete(oldest)
    }
    for (const told of this.#written) told()
  }

  /**
   * The note that a peer wrote under that name; null if it still had none after waiting a little.
   * @throws NetworkError UNAVAILABLE, TIMEOUT, TOO_LARGE, BAD_ADDRESS.
   */
  async ask(name: string, options: AskOptions): Promise<Uint8Array | null> {
    const most = LIMITS.lengthBytes + LIMITS.noteBytes
    return this.#question({ note: name }, { ...options, most }, async (answer) => {
      const note = await answer.item(LIMITS.noteBytes)
      return note.length === 0 ? null : note
    })
  }

  /**
   * Fetches a range of a blob from one provider, without keeping it. `bytes` in the result is how much had to travel.
   * @throws NetworkError BAD_CID, BAD_ADDRESS, MALFORMED (other bytes than the CID says), TOO_LARGE, UNAVAILABLE, TIMEOUT.
   */
  async fetch(
    text: string,
    { from, to }: Range,
    options: AskOptions & { readonly maxBytes: number },
  ): Promise<{ readonly range: Uint8Array; readonly bytes: number }> {
    const cid = parseBlobCid(text)
    const { maxBytes, provider } = options
    const blocks = blocksLimit(maxBytes)
    let links = LIMITS.links.spare + LIMITS.links.each * blocks
    // The first and the last block may be mostly outside of the range.
    const most = Math.max(0, to - from) + 2 * MAX_BLOCK_BYTES + links + LIMITS.lengthBytes * (blocks + 1)
    return this.#question({ part: text, from, to }, { ...options, most }, async (answer) => {
      const before = answer.taken
      const node = async (of: CID, size: number | null): Promise<FileNode> => {
        // A leaf has exactly its content. The bytes of other blocks are limited in total.
        const isLeaf = of.code === raw.code
        const sent = await answer.item(isLeaf ? (size ?? maxBytes) : Math.min(links, MAX_BLOCK_BYTES))
        if (!isLeaf) links -= sent.length
        if (sent.length === 0) throw new NetworkError('UNAVAILABLE', `${text}: ${provider} does not have ${of}`)
        const bytes = isLeaf ? sent : fullLinks(sent)
        const digest = await sha256.digest(bytes)
        if (Buffer.compare(digest.digest, of.multihash.digest) === 0) return readNode(of, bytes, size, maxBytes)
        throw new NetworkError('MALFORMED', `${text}: ${provider} sent other bytes than ${of}`)
      }
      const root = await node(cid, null)
      if (from > to || to > root.size) {
        throw new NetworkError('MALFORMED', `${text} has ${root.size} bytes: no range ${from} to ${to}`)
      }
      const range = new Uint8Array(to - from)
      let left = blocksLimit(root.size)
      const read = async (of: FileNode, start: number, level: number): Promise<void> => {
        left -= of.children.length
        if (left < 0) throw tooManyParts(cid)
        if (level > LIMITS.levels) throw new NetworkError('MALFORMED', `${text}: more than ${LIMITS.levels} levels`)
        place(range, from, of.data, start)
        for (const child of partsIn(of, start, { from, to })) {
          await read(await node(child.cid, child.size), child.start, level + 1)
        }
      }
      await read(root, 0, 0)
      return { range, bytes: answer.taken - before }
    })
  }

  /** @param options.most Bytes that the answer can come to. */
  async #question<T>(
    question: Question,
    options: AskOptions & { readonly most: number },
    read: (answer: ByteQueue) => Promise<T>,
  ): Promise<T> {
    const provider = providerOf(options.provider)
    using deadline = new Deadline(options.timeout, [this.#stopping.signal, options.signal])
    const { signal } = deadline
    let asked: QuestionStream | undefined
    const abort = (): void => asked?.stream.abort(new NetworkError('TIMEOUT', 'nobody waits for the answer'))
    signal.addEventListener('abort', abort, { once: true })
    const ask = async (one: QuestionStream): Promise<T> => {
      asked = one
      // The stream may have been opened just as the time ended. Then nothing would ever end the wait for an answer.
      signal.throwIfAborted()
      one.answers.allow(options.most)
      one.stream.send(framed(question))
      const found = await read(one.answers)
      // The answer is complete, so a stream that does not close properly must not lose it.
      await this.#streams.keep(provider, one, signal).catch((error: Error) => one.stream.abort(error))
      return found
    }
    try {
      const kept = this.#streams.again(provider)
      const before = kept?.answers.taken
      if (kept !== undefined) {
        try {
          return await ask(kept)
        } catch (error) {
          kept.stream.abort(error as Error)
          // If nothing came, the peer had closed the kept stream before it saw the question.
          if (signal.aborted || kept.answers.taken !== before) throw error
        }
      }
      return await ask(await this.#streams.open(provider, signal))
    } catch (cause) {
      asked?.stream.abort(cause as Error)
      options.signal?.throwIfAborted()
      if (deadline.expired) {
        throw new NetworkError('TIMEOUT', `${options.provider} gave no answer within ${options.timeout} ms`, { cause })
      }
      if (cause instanceof NetworkError) throw cause
      throw new NetworkError('UNAVAILABLE', `${options.provider} gave no answer`, { cause })
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Answers the questions of a stream, until its other end closes it or the next one does not come. */
  async #serve(stream: Stream, peer: string): Promise<void> {
    const most = LIMITS.questionLength + LIMITS.questionBytes
    const questions = new ByteQueue(stream, { lengthBytes: LIMITS.questionLength, most })
    const within = async <R>(milliseconds: number, what: (signal: AbortSignal) => Promise<R>): Promise<R> => {
      using deadline = new Deadline(milliseconds, [this.#stopping.signal])
      const { signal } = deadline
      const abort = (): void => stream.abort(new NetworkError('TIMEOUT', 'a question took too long'))
      signal.addEventListener('abort', abort, { once: true })
      try {
        return await what(signal)
      } finally {
        signal.removeEventListener('abort', abort)
      }
    }
    for (;;) {
      const text = await within(LIMITS.asking, () => questions.itemOrEnd(LIMITS.questionBytes))
      if (text === null) break
      const isWhole = await within(LIMITS.serving, (signal) => this.#answer(stream, peer, text, signal))
      if (!isWhole) break
      questions.allow(most)
    }
    await questions.close()
    await within(LIMITS.serving, (signal) => stream.close({ signal }))
  }

  /** Answers one question. @returns whether everything that was asked for is here */
  async #answer(stream: Stream, peer: string, text: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const question = questionSchema.parse(JSON.parse(new TextDecoder().decode(text)))
    if ('note' in question) {
      await send(stream, await this.#note(question.note, signal), signal)
      return true
    }
    /** Sends a node, and then the parts of it that the range touches. Returns whether all of them are here. */
    const answer = async (cid: CID, size: number | null, start: number, level: number): Promise<boolean> => {
      const node = await this.#sendBlock(stream, peer, cid, { size, signal })
      if (node === null) return false
      if (level === LIMITS.levels) return true
      for (const part of partsIn(node, start, question)) {
        if (!(await answer(part.cid, part.size, part.start, level + 1))) return false
      }
      return true
    }
    return answer(parseBlobCid(question.part), null, 0, 0)
  }

  /** Sends a block, or word that it is not here. @returns its links. */
  async #sendBlock(
    stream: Stream,
    peer: string,
    cid: CID,
    { size, signal }: { readonly size: number | null; readonly signal: AbortSignal },
  ): Promise<FileNode | null> {
    const isOpen = this.#held.free > LIMITS.forMembers || (await this.#isMember(peer).catch(() => false))
    using held = await (isOpen ? this.#held : this.#strangers).take(peer, MAX_BLOCK_BYTES, signal)
    const bytes = await this.#block(cid, signal)
    held.keep(bytes?.length ?? 0)
    await send(stream, bytes === null ? NOTHING : this.#asSent(cid, bytes), signal)
    if (bytes === null) return null
    return readNode(cid, bytes, size, MAX_BLOB_BYTES)
  }

  #asSent(cid: CID, block: Uint8Array): Uint8Array {
    if (cid.code !== DAG_PB || block.length > LIMITS.leanBytes) return block
    const name = `lean ${cid}`
    const lean = this.#recent.get(name) ?? leanLinks(block)
    this.#recent.put(name, lean)
    return lean
  }

  async #note(name: string, signal: AbortSignal): Promise<Uint8Array> {
    if (!this.#notes.has(name)) {
      using deadline = new Deadline(LIMITS.waiting, [signal])
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (!deadline.signal.aborted && !this.#notes.has(name)) return
          this.#written.delete(look)
          resolve()
        }
        this.#written.add(look)
        deadline.signal.addEventListener('abort', look, { once: true })
        look()
      })
    }
    return this.#notes.get(name) ?? NOTHING
  }

  async #block(cid: CID, signal: AbortSignal): Promise<Uint8Array | null> {
    const recent = this.#recent.get(cid.toString())
    if (recent !== null) return recent
    const { blockstore } = this.#node
    if (!(await blockstore.has(cid, { signal }))) return null
    const block = await collectBytes(blockstore.get(cid, { offline: true, signal }), MAX_BLOCK_BYTES)
    // If the disk changed the block, this keeper would look like a liar.
    const { digest } = await sha256.digest(block)
    if (Buffer.compare(digest, cid.multihash.digest) !== 0) return null
    this.#recent.put(cid.toString(), block)
    return block
  }
}
