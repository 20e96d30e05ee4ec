// SPDX-License-Identifier: GPL-3.0-or-later
// What travels in a round, in bytes: from the plan of the encryption, as keepers make it.
import { type Plan, sliceBytes, sliceCount, sliceCuts, sliceSumBytes } from '../fhe/index.ts'

/** Bytes of a blob, of the nodes above its parts, and of those that prove one part. */
type Blob = { readonly bytes: number; readonly root: number; readonly proof: number; readonly levels: number }

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
  /** What a member tells the others of that many sums that it made. */
  readonly note: (sums: number) => number
  /** A member's dealing and the sealed shares of all members, once an epoch: what each fetches. */
  readonly keys: number
}

/** Chunks of a blob without cuts (`CHUNK_BYTES` of the data plane's file format). */
const CHUNK = 1 << 20
/** A link of a dag-pb root: CID 36, size, empty name, their tags; and what the file's own record says of its size. */
const LINK_BYTES = 50
const ROOT_BYTES = 8
/** With more parts, a blob with cuts has nodes between root and parts (`MAX_FLAT_LEAVES` of the data plane's file format). */
const MOST_FLAT_PARTS = 12
/** A note's frame, its subject's CID, and a place and a CID for each sum. */
const NOTE = { frame: 92, sum: 66 } as const
/** The index of an epoch's keys: its head, and the length and CID of each sealed share (`keepers/agent/key-index.ts`). */
const INDEX = { head: 39, entry: 37 } as const

/** The messages of rounds under a plan. @param slices Whether they are cut, so that others can fetch parts. */
export function messagesOf(plan: Plan, slices: boolean): Messages {
  const count = sliceCount(plan)
  const isCut = slices && count > 1
  const blob = (bytes: number, cuts: number): Blob => {
    const parts = isCut && cuts > 0 ? cuts + 1 : Math.ceil(bytes / CHUNK)
    if (parts < 2) return { bytes, root: 0, proof: 0, levels: 1 }
    const node = (links: number): number => ROOT_BYTES + LINK_BYTES * links
    if (!isCut || cuts === 0 || parts <= MOST_FLAT_PARTS) {
      return { bytes, root: node(parts), proof: node(parts), levels: 2 }
    }
    const each = Math.ceil(Math.sqrt(parts))
    const inner = Math.ceil(parts / each)
    const root = node(inner) + inner * ROOT_BYTES + LINK_BYTES * parts
    return { bytes, root, proof: node(inner) + node(each), levels: 3 }
  }
  const { bytes } = plan
  const update = blob(bytes.update, sliceCuts(plan, 'update').length - 1)
  const share = blob(bytes.decryptionShare, sliceCuts(plan, 'decryption share').length)
  const part = (message: 'update' | 'decryption share', slice: number): number => {
    const { from, to } = sliceBytes(plan, message, slice)
    return to - from
  }
  return {
    update,
    share,
    slices: isCut
      ? Array.from({ length: count }, (_, slice) => ({
          update: update.proof + part('update', slice),
          share: share.proof + part('decryption share', slice),
          sum: sliceSumBytes(plan, slice),
          carried: part('update', slice) / plan.wire.width,
        }))
      : [],
    note: (sums) => NOTE.frame + NOTE.sum * sums,
    keys: plan.members * (INDEX.head + INDEX.entry * plan.members + bytes.dealing + bytes.sealedShare),
  }
}
