// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes of a round's messages in bytes, from the FHE plan that keepers would make.
import { type Plan, sliceBytes, sliceCount, sliceCuts, sliceSumBytes } from '../fhe/index.ts'

/** Bytes of a blob, and of the nodes above its parts as bitswap transfers them. */
type Blob = {
  readonly bytes: number
  readonly root: number
  readonly levels: number
  /** Extra bytes when a keeper requests all of it, or one part, with one request. Null if that is not possible. */
  readonly asked: { readonly whole: number; readonly part: number } | null
}

export type Messages = {
  readonly update: Blob
  readonly share: Blob
  /** By slice: bytes of its part of an update and of a share, each with the nodes that prove it, and of its sum. */
  readonly slices: readonly {
    readonly update: number
    readonly share: number
    readonly sum: number
    readonly carried: number
  }[]
  /** Bytes of a member's note about this many sums. */
  readonly note: (sums: number) => number
  /** Bytes that each member fetches once per epoch: the others' dealings, and the shares that they sealed to it. */
  readonly keys: number
}

/** Chunks of a blob without cuts (`CHUNK_BYTES` of the data plane's file format). */
const CHUNK = 1 << 20
/** A link of a dag-pb root: CID 36, size, empty name, their tags; and what the file's own record says of its size. */
const LINK_BYTES = 48
const ROOT_BYTES = 8
/** With more parts, a blob with cuts has nodes between root and parts (`MAX_FLAT_LEAVES` of the data plane's file format). */
const MOST_FLAT_PARTS = 12
/** The same in an answer to a question (`keepers/network/lean-links.ts`): a list of links, and each to a leaf and to a node. An item's length. */
const LEAN = { list: 1, leaf: 34.5, node: 38, item: 4 } as const
/** Longer messages are not held in memory, and travel over bitswap (`SHORT_BYTES` of the agent's messages). */
const ASKED_BYTES = 1 << 17
/** `keepers/agent/slices/note-format.ts`: what its author speaks of, and a place and a hash for each sum. */
const NOTE = { frame: 34, sum: 34 } as const
/** The index of an epoch's keys: its head, and the length and CID of each sealed share (`keepers/agent/key-index.ts`). */
const INDEX = { head: 39, entry: 37 } as const

/** The messages of rounds under a plan. @param slices Whether they are cut, so that others can fetch parts. */
export function messagesOf(plan: Plan, slices: boolean): Messages {
  const count = sliceCount(plan)
  const isCut = slices && count > 1
  const blob = (bytes: number, cuts: number): Blob => {
    const parts = isCut && cuts > 0 ? cuts + 1 : Math.ceil(bytes / CHUNK)
    if (parts < 2) return { bytes, root: 0, levels: 1, asked: null }
    const node = (links: number): number => ROOT_BYTES + LINK_BYTES * links
    const list = (links: number, each: number): number => LEAN.item + LEAN.list + each * links
    if (!isCut || cuts === 0) return { bytes, root: node(parts), levels: 2, asked: null }
    if (parts <= MOST_FLAT_PARTS) {
      const leaves = list(parts, LEAN.leaf)
      const asked = { whole: leaves + LEAN.item * parts, part: leaves + LEAN.item }
      return { bytes, root: node(parts), levels: 2, asked }
    }
    const each = Math.ceil(Math.sqrt(parts))
    const inner = Math.ceil(parts / each)
    const root = node(inner) + inner * ROOT_BYTES + LINK_BYTES * parts
    const nodes = list(inner, LEAN.node)
    const whole = nodes + inner * list(0, 0) + (LEAN.leaf + LEAN.item) * parts
    return { bytes, root, levels: 3, asked: { whole, part: nodes + list(each, LEAN.leaf) + LEAN.item } }
  }
  const short = (of: Blob): Blob => (of.bytes > ASKED_BYTES ? { ...of, asked: null } : of)
  const { bytes } = plan
  const update = blob(bytes.update, sliceCuts(plan, 'update').length)
  const share = blob(bytes.decryptionShare, sliceCuts(plan, 'decryption share').length)
  const part = (message: 'update' | 'decryption share', slice: number): number => {
    const { from, to } = sliceBytes(plan, message, slice)
    return to - from
  }
  return {
    update: short(update),
    share: short(share),
    slices: isCut
      ? Array.from({ length: count }, (_, slice) => ({
          update: (update.asked?.part ?? 0) + part('update', slice),
          share: (share.asked?.part ?? 0) + part('decryption share', slice),
          sum: LEAN.item + sliceSumBytes(plan, slice),
          carried: part('update', slice) / plan.wire.width,
        }))
      : [],
    note: (sums) => NOTE.frame + NOTE.sum * sums,
    keys: (plan.members - 1) * (INDEX.head + INDEX.entry * plan.members + bytes.dealing + bytes.sealedShare),
  }
}
