// SPDX-License-Identifier: GPL-3.0-or-later
// What members that deviate do to the others, and the draft that follows.
import { bitmapOf, systemClock } from '../../../../keepers/chain/index.ts'
import { MemoryOnceGuard, partialDecrypt } from '../../../../keepers/fhe/index.ts'
import { cidHex } from '../../../../keepers/network/cid.ts'
import { NetworkError } from '../../../../keepers/network/index.ts'
import { ROUND } from '../../fhe/ceremony.ts'
import { cidOfBytes, seatOfIndex } from '../round-stage.ts'
import { dutiesAfter, MEMBERS, memberOf, type SliceStage, THRESHOLD } from '../slice-stage.ts'
import { giveModel } from '../whole-round.ts'

/** The calls of a stage's data plane that attacks replace. */
export type Plane = {
  fetch: (cid: string, options: { timeout: number; maxBytes: number }) => Promise<Uint8Array>
  parts: {
    ask: (name: string, options: { provider: string; signal: AbortSignal }) => Promise<Uint8Array | null>
    fetch: (cid: string, range: object, options: { provider: string; timeout: number }) => Promise<unknown>
  }
}
export const planeOf = (stage: SliceStage): Plane => stage.context.plane as unknown as Plane

export const checkerOf = (stages: readonly SliceStage[], member: number): number =>
  memberOf([...dutiesAfter(stages).checks].find(([, checked]) => checked === seatOfIndex(member))![0])

/** Nobody but its sender gives `reader` the blob before `open()` holds; the sender does not either. */
export function withhold(reader: SliceStage, cid: string, open: () => boolean = () => false): void {
  const plane = planeOf(reader)
  const { fetch } = plane
  const part = plane.parts.fetch
  plane.fetch = async (of, options) => {
    if (of !== cid || open()) return fetch.call(plane, of, options)
    await systemClock.sleep(options.timeout)
    throw new NetworkError('TIMEOUT', `${cid}: withheld`)
  }
  plane.parts.fetch = async (of, range, options) => {
    if (of !== cid || open()) return part.call(plane.parts, of, range, options)
    await systemClock.sleep(options.timeout)
    throw new NetworkError('TIMEOUT', `${cid}: withheld`)
  }
}

/** Changes of a sum that nothing about it gives away, that decrypt to garbage, and that no sum can have. */
export const LIES = {
  small: (sum: Uint8Array): void => {
    sum[0]! -= 1
  },
  garbage: (sum: Uint8Array, { frame }: SliceStage): void => {
    sum[frame.plan.wire.width - 1]! ^= 0x80
  },
  impossible: (sum: Uint8Array): void => {
    sum.fill(0xff)
  },
} as const

/** These members say alike of a slice what is not so, to all or to some. */
export function lieAbout(
  stages: readonly SliceStage[],
  slice: number,
  colluders: readonly number[],
  lie: keyof typeof LIES = 'small',
  to: (reader: number) => boolean = () => true,
): void {
  for (const member of colluders) {
    const stage = stages[member]!
    stage.whispers = (note, reader) => {
      const told = note.sums[slice]
      if (told === undefined || !to(reader)) return note
      const sum = stage.blobs.get(told)!.slice()
      LIES[lie](sum, stage)
      const cid = cidOfBytes(sum)
      stage.blobs.set(cid, sum)
      return { ...note, sums: { ...note.sums, [slice]: cid } }
    }
  }
}

/** The chain drafts these members for a sum of all updates, with that hash, and each posts its share: as `voter` sees it. */
export async function draftedFor(
  voter: SliceStage,
  stages: readonly SliceStage[],
  aggregateHash: string | undefined,
): Promise<{ readonly next: ReturnType<typeof giveModel>; readonly active: readonly number[] }> {
  const { round } = ROUND
  const active = MEMBERS.slice(0, THRESHOLD)
  const included = bitmapOf(MEMBERS.map(seatOfIndex))
  voter.tell('MembersDrafted', {
    round,
    aggregateHash,
    included,
    drafted: bitmapOf(active.map(seatOfIndex)),
    convicted: 0n,
  })
  for (const self of active) {
    const share = await partialDecrypt(voter.frame.engine, {
      ...{ context: ROUND, contributors: MEMBERS, activeSet: active, guard: new MemoryOnceGuard() },
      memberKey: voter.keys.memberKeys.get(self)!,
      policy: { minContributors: 2, ownUpdate: 'included' },
    })
    const cid = cidOfBytes(share)
    voter.blobs.set(cid, share)
    voter.tell('ShareSubmitted', { round, seat: seatOfIndex(self), cid: cidHex(cid), size: BigInt(share.length) })
  }
  for (const [cid, bytes] of stages.flatMap(({ blobs }) => [...blobs])) voter.blobs.set(cid, bytes)
  Object.assign(voter.context.manifest, { vote: { metric: 'accuracy', tolerance: 1 } })
  const next = giveModel(voter, { weights: new Float32Array(voter.frame.plan.vectorLength), moments: [] })
  return { next, active }
}
