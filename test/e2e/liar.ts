// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper that lies: the real daemon with some behaviours replaced. Run as a process by the end-to-end tests:
//   node test/e2e/liar.ts <data folder> '<{"1":"garbage update", "2":["copied update", "wrong sum"], "epoch 1":"false dealing", …}: by round or epoch>'
//     '<["wrong share", …]: lies of the later rounds, each until it was told, the last for good>'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { act, cidOf, publish } from '../../keepers/agent/actions.ts'
import { BEHAVIOURS } from '../../keepers/agent/behaviours/index.ts'
import type { Behaviour, Step } from '../../keepers/agent/context.ts'
import { loadEncryptionKey } from '../../keepers/agent/encryption-keys.ts'
import { frameHere, isMember } from '../../keepers/agent/frame.ts'
import { createLog, loadConfig, runKeeper } from '../../keepers/agent/index.ts'
import { encodeKeyIndex } from '../../keepers/agent/key-index.ts'
import { decodeNote, encodeNote } from '../../keepers/agent/slices/note-format.ts'
import { keyCommitment, updateCommitment } from '../../keepers/agent/steps/commitments.ts'
import {
  keyIntentName,
  parseKeyIntent,
  parseUpdateIntent,
  type UpdateIntent,
  updateIntentName,
} from '../../keepers/agent/steps/intents.ts'
import { keyIndexOf, sealedShareOf } from '../../keepers/agent/steps/key-parts.ts'
import { openKeystore, readPassphrase } from '../../keepers/chain/index.ts'
import { hasSeat, seatsOf } from '../../keepers/chain/seats.ts'
import { openComplaint } from '../../keepers/fhe/index.ts'
import { cidFromDigest, cidHex } from '../../keepers/network/cid.ts'
import { manifestHash } from '../../keepers/versions/index.ts'
import { falseTraining, forge } from '../../scripts/demo/tamper.ts'
import { bentDealing, bump } from '../keepers/fhe/dealer.ts'

export type Lie =
  | 'garbage update'
  | 'oversized update'
  | 'truncated update'
  | 'copied update'
  | 'NaN update'
  | 'forged update'
  | 'long update'
  | 'wrong weight'
  | 'copied seal'
  | 'wrong sum'
  | 'wrong slice'
  | 'false dispute'
  | 'wrong share'
  | 'silent at decrypt'
  | 'false dealing'
  | 'false accusation'

/** What is told in a round, or in `epoch <number>`: one lie, or one in training and another later in the round. */
export type Lies = Readonly<Record<string, Lie | readonly Lie[]>>

const [folder, schedule, later] = process.argv.slice(2) as [string, string, string]
const lies = JSON.parse(schedule) as Lies
const lastRound = Math.max(
  0,
  ...Object.keys(lies)
    .filter((when) => /^\d+$/.test(when))
    .map(Number),
)
/** Not every round lets us tell each lie: who is not drawn to decrypt has no share to falsify. */
const then = JSON.parse(later) as Lie[]
/** The round in which the first of them was told. */
let toldIn = Number.POSITIVE_INFINITY

/** @param isTold which of the lies of a round the behaviour that asks can tell */
function lieIn({ snapshot: { round } }: Step, isTold: (lie: Lie) => boolean = () => true): Lie | undefined {
  if (round <= lastRound) return [lies[String(round)] ?? []].flat().find(isTold)
  if (round > toldIn && then.length > 1) {
    then.shift()
    toldIn = Number.POSITIVE_INFINITY
  }
  return then[0]
}

const lieInEpoch = ({ snapshot }: Step): Lie | undefined => [lies[`epoch ${snapshot.epoch}`] ?? []].flat()[0]
function lied(step: Step, what: Lie): void {
  const { round } = step.snapshot
  if (round > lastRound) toldIn = round
  step.context.log.info({ event: 'lied', lie: what, round, seat: step.seat }, what)
}

const CHANGES: Partial<Record<Lie, (update: Uint8Array) => Uint8Array>> = {
  // Beyond every modulus as a coefficient, NaN as a float.
  'NaN update': (update) => update.slice().fill(0xff, update.length - (update.length >> 2)),
  'forged update': forge,
}

const isOfTraining = (lie: Lie): boolean => lie.endsWith('update') || lie === 'wrong weight'

/** Commits to something else than an update of one's own, under the rules of commit and reveal. */
const training: Behaviour = async (step) => {
  const lie = lieIn(step, isOfTraining)
  if (lie === undefined || !isMember(step)) return BEHAVIOURS.Training(step)
  const { context, snapshot } = step
  const change = CHANGES[lie]
  if (change === undefined && !isOfTraining(lie)) return BEHAVIOURS.Training(step)
  if (hasSeat(snapshot.roundInfo.committed, step.seat) || hasSeat(snapshot.leftOut, step.seat)) return 'done'
  lied(step, lie)
  if (lie === 'long update') return BEHAVIOURS.Training(await lengthened(step as Step & { readonly seat: number }))
  if (change !== undefined) return falseTraining(change)(step)
  const at = { key: updateIntentName(snapshot.epochInfo, snapshot.round), epoch: snapshot.epoch, round: snapshot.round }
  if (lie === 'wrong weight') {
    // As it should be up to the commit, which then says that there were more samples than the update was weighted with.
    const { journal } = context.store
    const once: typeof journal.once = async (intent, produce) => {
      if (intent.key !== at.key) return journal.once(intent, produce)
      return journal.once(intent, async () => {
        const made = parseUpdateIntent(await produce())
        return Buffer.from(JSON.stringify({ ...made, samples: made.samples * 3 } satisfies UpdateIntent))
      })
    }
    const store = bent(context.store, { journal: bent(journal, { once }) })
    return BEHAVIOURS.Training({ ...step, context: { ...context, store } })
  }
  const expected = (await frameHere(step)).plan.bytes.update
  const intent = await context.store.journal.once(at, async () => {
    const cid = await falseUpdate(step, lie, expected)
    const made: UpdateIntent = { cid, size: expected, samples: 100, salt: `0x${randomBytes(32).toString('hex')}` }
    return Buffer.from(JSON.stringify(made))
  })
  const commitment = updateCommitment(context, snapshot.round, step.seat, parseUpdateIntent(intent.payload))
  return (await act(step, 'commitUpdate', [snapshot.round, commitment])) ? 'done' : 'again'
}

/** How much longer an update is than training made it. */
const LONGER = 1_000

/** The step of a member that trains as others do, multiplies what came of it, and proves it short by bounds of its own. */
async function lengthened(step: Step & { readonly seat: number }): Promise<Step> {
  const { context } = step
  const frame = await frameHere(step)
  const { mask, shift, limit, ...rest } = frame.plan.proof
  const factor = BigInt(LONGER)
  const proof = { ...rest, mask: mask * factor, shift: shift * factor, limit: limit * factor }
  const lax = { clipBound: 64, clipNorm: LONGER * frame.plan.clipNorm }
  const engine = bent(frame.engine, { plan: { ...frame.plan, ...lax, proof } })
  const train: typeof context.trainer.train = async (weights, ...args) => {
    const outcome = await context.trainer.train(weights, ...args)
    return { ...outcome, weights: outcome.weights.map((weight, i) => weights[i]! + LONGER * (weight - weights[i]!)) }
  }
  return {
    ...step,
    context: {
      ...context,
      manifest: { ...context.manifest, rounds: { ...context.manifest.rounds, ...lax } },
      trainer: bent(context.trainer, { train }),
      epochs: bent(context.epochs, { frame: async () => ({ ...frame, engine }) }),
    },
  }
}

/** An object of a class with some of its members replaced. */
function bent<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get(from, name) {
      if (name in replaced) return replaced[name as keyof T]
      const value: unknown = Reflect.get(from, name, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  })
}

async function falseUpdate(step: Step, lie: Lie, expected: number): Promise<string> {
  const { round } = step.snapshot
  if (lie === 'copied update') {
    const other = step.context.facts.all('UpdateRevealed').find((fact) => fact.args.seat !== step.seat)
    if (other === undefined) throw new Error('nothing to copy yet')
    return cidOf(other)
  }
  const size = lie === 'oversized update' ? expected * 4 : lie === 'truncated update' ? expected - 1000 : expected
  return publish(step, 'update', randomBytes(size), round)
}

/**
 * The step of a member that has forgotten its update. It stands for a sum without it, where an honest member would abstain: the
 * others need not wait for it, and it is drafted like them.
 */
function forgetful(step: Step): Step {
  const { context, snapshot } = step
  const { journal } = context.store
  const own = updateIntentName(snapshot.epochInfo, snapshot.round)
  const find: typeof journal.find = (key) => (key === own ? null : journal.find(key))
  return { ...step, context: { ...context, store: bent(context.store, { journal: bent(journal, { find }) }) } }
}

/** The step of a member that tells the others of sums that it has not found. It stands for the right one. */
function misreporting(step: Step): Step {
  const { plane } = step.context
  const tell: typeof plane.parts.tell = (name, bytes) => {
    const note = decodeNote(bytes)!
    const sums = Object.fromEntries(Object.keys(note.sums).map((slice) => [slice, cidFromDigest(randomBytes(32))]))
    lied(step, 'wrong slice')
    plane.parts.tell(name, encodeNote({ ...note, sums }))
  }
  return { ...step, context: { ...step.context, plane: bent(plane, { parts: bent(plane.parts, { tell }) }) } }
}

const aggregate: Behaviour = async (step) => {
  const lie = lieIn(step, (one) => !isOfTraining(one)) ?? lieIn(step)
  if (lie?.endsWith('update')) return BEHAVIOURS.Aggregate(forgetful(step))
  if (!isMember(step) || hasSeat(step.snapshot.roundInfo.attesters, step.seat)) return BEHAVIOURS.Aggregate(step)
  const { round, roundInfo } = step.snapshot
  const { facts } = step.context
  if (lie === 'wrong sum') {
    lied(step, lie)
    await act(step, 'attest', [round, `0x${randomBytes(26).toString('hex')}`])
    return 'again'
  }
  if (lie === 'wrong slice') return BEHAVIOURS.Aggregate(misreporting(step))
  if (lie === 'copied seal') {
    const other = facts.all('AggregateAttested', { round }).find((fact) => fact.args.seat !== step.seat)
    if (other === undefined) return 'again'
    lied(step, lie)
    await act(step, 'attest', [round, String(other.args.seal)])
    return 'again'
  }
  if (lie === 'false dispute' && facts.last('UpdateDisputed', { round }) === null) {
    const accused = seatsOf(roundInfo.revealed).find((seat) => seat !== step.seat)!
    lied(step, lie)
    await act(step, 'dispute', [round, accused])
    return 'again'
  }
  return BEHAVIOURS.Aggregate(step)
}

const decrypt: Behaviour = async (step) => {
  const lie = lieIn(step)
  if (lie?.endsWith('update')) return BEHAVIOURS.Decrypt(forgetful(step))
  const { drafted, shared } = step.snapshot.roundInfo
  const chosen = isMember(step) && hasSeat(drafted, step.seat) && !hasSeat(shared, step.seat)
  if (!chosen || (lie !== 'wrong share' && lie !== 'silent at decrypt')) return BEHAVIOURS.Decrypt(step)
  lied(step, lie)
  if (lie === 'silent at decrypt') return 'done'
  const frame = await frameHere(step as Step & { readonly seat: number })
  const cid = await publish(step, 'share', randomBytes(frame.plan.bytes.decryptionShare), step.snapshot.round)
  const size = frame.plan.bytes.decryptionShare
  return (await act(step, 'submitShare', [step.snapshot.round, cidHex(cid), size])) ? 'done' : 'again'
}

/** Deals what does not fit to the first of the others. */
const keyCommit: Behaviour = async (step) => {
  const { context, snapshot } = step
  const isLie = lieInEpoch(step) === 'false dealing' && !snapshot.due && isMember(step)
  if (!isLie || hasSeat(snapshot.keyInfo.committed, step.seat)) return BEHAVIOURS.KeyCommit(step)
  const at = { key: keyIntentName(snapshot.epochInfo), epoch: snapshot.epoch, round: 0 }
  const intent = await context.store.journal.once(at, async () => {
    const frame = await frameHere(step)
    const victim = frame.roster.findIndex((_, index) => index !== frame.self)
    const crs = Buffer.from(snapshot.epochInfo.crsSeed.slice(2), 'hex')
    const ground = { context: frame.context, members: frame.roster, crs }
    const { dealing, sealedShares } = bentDealing(frame.engine, ground, frame.self, {
      share: (j, share) => {
        if (j === victim) bump(share, 8 * 100)
      },
    })
    const sealed: string[] = []
    for (const share of sealedShares) sealed.push(await publish(step, 'sealed share', share, snapshot.round))
    const index = encodeKeyIndex({ manifestHash: manifestHash(context.manifest), dealing, sealed })
    const cid = await publish(step, 'key index', index, snapshot.round)
    return Buffer.from(JSON.stringify({ cid, salt: `0x${randomBytes(32).toString('hex')}` }))
  })
  lied(step, 'false dealing')
  const commitment = keyCommitment(context, snapshot.epoch, step.seat, parseKeyIntent(intent.payload))
  return (await act(step, 'commitKey', [snapshot.epoch, snapshot.epochInfo.crsSeed, commitment])) ? 'done' : 'again'
}

/** Accuses the first of the others, showing a share that is good; a false dealer confirms a hash of its own making. */
const keyConfirm: Behaviour = async (step) => {
  const lie = lieInEpoch(step)
  const { context, snapshot } = step
  if (lie === undefined || !isMember(step) || hasSeat(snapshot.keyInfo.spoken, step.seat)) {
    return BEHAVIOURS.KeyConfirm(step)
  }
  const frame = await frameHere(step)
  if (lie === 'false dealing') {
    await act(step, 'confirmKey', [snapshot.epoch, `0x${randomBytes(32).toString('hex')}`])
    return 'again'
  }
  const accused = frame.roster.findIndex((_, index) => index !== frame.self)
  const { seat } = frame.roster[accused]!
  const index = await keyIndexOf(step, frame, seat)
  if (index.kind !== 'here') return 'again'
  const share = await sealedShareOf(step, frame, seat, step.seat, index.value)
  if (share.kind !== 'here') return 'again'
  const pair = loadEncryptionKey(context.store, frame.roster[frame.self]!.encryptionKey, snapshot.epoch)!
  const evidence = openComplaint(frame.engine, {
    context: frame.context,
    members: frame.roster,
    crs: Buffer.from(snapshot.epochInfo.crsSeed.slice(2), 'hex'),
    self: frame.self,
    encryptionKey: pair.secretKey,
    accused,
    dealing: index.value.dealing,
    sealedShare: share.value,
  })
  pair.secretKey.dispose()
  lied(step, lie)
  const done = await act(step, 'complain', [snapshot.epoch, seat, `0x${Buffer.from(evidence).toString('hex')}`])
  return done ? 'done' : 'again'
}

const stop = new AbortController()
process.on('SIGTERM', () => stop.abort(new Error('stopped')))
const config = loadConfig(folder)
const passphrase = await readPassphrase()
const wallet = await openKeystore(config.keys.operator, passphrase)
await runKeeper({
  folder,
  config,
  operatorKey: wallet.privateKey,
  passphrase,
  signal: stop.signal,
  log: createLog('info'),
  behaviours: {
    KeyCommit: keyCommit,
    KeyConfirm: keyConfirm,
    Training: training,
    Aggregate: aggregate,
    Decrypt: decrypt,
  },
})
