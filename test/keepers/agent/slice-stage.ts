// SPDX-License-Identifier: GPL-3.0-or-later
// Seven keepers at the step at which they add up, with a data plane between them that a test can watch and break.
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { type Duties, dutiesOf } from '../../../keepers/agent/slices/duties.ts'
import { decodeNote, encodeNote, type Note } from '../../../keepers/agent/slices/note-format.ts'
import { lastAttested } from '../../../keepers/agent/steps/attestation.ts'
import { drawSeed } from '../../../keepers/agent/steps/open-draft.ts'
import { bitmapOf, systemClock } from '../../../keepers/chain/index.ts'
import { aggregate as aggregateUpdates, sliceCount } from '../../../keepers/fhe/index.ts'
import { NetworkError } from '../../../keepers/network/index.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'

export const MEMBERS = Array.from({ length: 7 }, (_, member) => member)
export const THRESHOLD = 4

export type SliceStage = RoundStage & {
  /** What it tells the others; null for silence. */
  speaks: (note: Note) => Note | null
  /** What it tells one of them of that. */
  whispers: (note: Note, reader: number) => Note
  /** CIDs of the blobs that it fetched whole, its own apart. */
  readonly whole: string[]
  /** CIDs of those that it fetched a part of. */
  readonly parts: string[]
  /** Serves nothing, and says nothing. */
  gone: boolean
  /** Serves whole blobs alone. */
  wholeOnly: boolean
}

/** Keepers that know each other's blobs and notes. */
export async function sliceStages(): Promise<SliceStage[]> {
  const stages: SliceStage[] = []
  for (const self of MEMBERS) {
    const stage = await roundStage({ members: MEMBERS.length, threshold: THRESHOLD, self })
    const whole: string[] = []
    const own = new Set<string>()
    const { publish } = stage.context.plane
    const tells = new Map<string, Uint8Array>()
    stages.push(
      Object.assign(stage, {
        whole,
        parts: [],
        gone: false,
        wholeOnly: false,
        speaks: (note: Note) => note,
        whispers: (note: Note) => note,
      }) as SliceStage,
    )
    const at = (provider: string): SliceStage => {
      const found = stages.find((_, member) => String(seatOfIndex(member)) === provider)!
      if (found.gone) throw new NetworkError('UNAVAILABLE', `${provider} is gone`)
      return found
    }
    Object.assign(stage, { notes: tells })
    stage.onFetch = (cid) => {
      if (!own.has(cid)) whole.push(cid)
    }
    Object.assign(stage.context.plane, {
      publish: async (bytes: Uint8Array, options: object) => {
        const cid = await publish.call(stage.context.plane, bytes, options)
        own.add(cid)
        return cid
      },
      parts: {
        tell(name: string, bytes: Uint8Array) {
          const note = stages[self]!.speaks(decodeNote(bytes)!)
          if (note !== null) tells.set(name, encodeNote(note))
        },
        async ask(name: string, { provider, signal }: { provider: string; signal: AbortSignal }) {
          const { notes, whispers } = at(provider) as SliceStage & { notes: Map<string, Uint8Array> }
          if (!notes.has(name)) await systemClock.sleep(20, signal)
          const bytes = notes.get(name)
          return bytes === undefined ? null : encodeNote(whispers(decodeNote(bytes)!, self))
        },
        async fetch(cid: string, { from, to }: { from: number; to: number }, { provider }: { provider: string }) {
          const { blobs, wholeOnly } = at(provider)
          const bytes = blobs.get(cid)
          if (bytes === undefined || wholeOnly)
            throw new NetworkError('UNAVAILABLE', `${provider} does not have ${cid}`)
          stages[self]!.parts.push(cid)
          return { range: bytes.slice(from, to), bytes: to - from }
        },
      },
    })
    Object.assign(stage.context, {
      clock: systemClock,
      config: { ...stage.context.config, network: { fetchSeconds: 15, slices: true } },
      peers: {
        providers: async (seat: number, _: readonly number[], own: number | null) =>
          seat === own ? [] : [String(seat)],
        refresh: () => undefined,
      },
    })
    const all = bitmapOf(MEMBERS.map(seatOfIndex))
    const roundInfo = { ...stage.snapshot.roundInfo, committed: all, revealed: all }
    stage.snapshot = { ...stage.snapshot, state: 'Aggregate', roundInfo }
  }
  return stages
}

/** Every member reveals, to everybody; `changed` alters the updates of some. Returns the CIDs. */
export async function revealToAll(
  stages: readonly SliceStage[],
  changed: Record<number, (update: Uint8Array) => Uint8Array> = {},
): Promise<string[]> {
  const cids: string[] = []
  for (const member of MEMBERS) {
    const update = await stages[member]!.updateOf(member)
    const bytes = changed[member]?.(update) ?? update
    for (const stage of stages) cids[member] = stage.reveal(member, bytes)
  }
  return cids
}

/** All of these attest at once: the hashes that each of them stands for. */
export async function attestedBy(stages: readonly SliceStage[]): Promise<(string | undefined)[]> {
  await Promise.all(stages.map((stage) => aggregate(stage.step())))
  return stages.map((stage) => lastAttested(stage.step())?.hash)
}

export const memberOf = (seat: number): number => MEMBERS.find((member) => seatOfIndex(member) === seat)!

/** Who adds up and checks what, after the last of those events. */
export function dutiesAfter(
  stages: readonly SliceStage[],
  event: 'UpdateRevealed' | 'ShareSubmitted' = 'UpdateRevealed',
  members = MEMBERS,
): Duties {
  const [stage] = stages as readonly [SliceStage]
  const last = stage.facts.findLast(({ name }) => name === event)!
  const seed = drawSeed(stage.context.serviceAddress, ROUND.round, last.blockHash)
  return dutiesOf(members.map(seatOfIndex), sliceCount(stage.frame.plan), seed)
}

/** The hash of the sum that anybody gets who adds up all of these updates. */
export async function hashOf(stages: readonly SliceStage[], cids: readonly string[]): Promise<string> {
  const [{ blobs, frame, keys }] = stages as readonly [SliceStage]
  const updates = cids.map((cid, sender) => ({ sender, bytes: blobs.get(cid)! }))
  const { hash } = await aggregateUpdates(frame.engine, { context: ROUND, keyHash: keys.keyHash, updates })
  return `0x${Buffer.from(hash).toString('hex')}`
}
