// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper that lies: the real daemon with some behaviours replaced. Run as a process by the end-to-end tests:
//   node test/e2e/liar.ts <data folder> '<{"1":"garbage", …}: lie by round>'
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { act, cidOf, publish } from '../../keepers/agent/actions.ts'
import { BEHAVIOURS } from '../../keepers/agent/behaviours/index.ts'
import { cidHex } from '../../keepers/agent/blobs.ts'
import type { Behaviour, Step } from '../../keepers/agent/context.ts'
import { frameHere, isMember } from '../../keepers/agent/frame.ts'
import { createLog, loadConfig, openKeystore, readPassphrase, runKeeper } from '../../keepers/agent/index.ts'
import { hasSeat } from '../../keepers/agent/members.ts'
import { updateCommitment } from '../../keepers/agent/steps/commitments.ts'
import { parseUpdateIntent, type UpdateIntent, updateIntentName } from '../../keepers/agent/steps/intents.ts'

export type Lie =
  | 'garbage update'
  | 'oversized update'
  | 'truncated update'
  | 'copied update'
  | 'NaN update'
  | 'blank update'
  | 'wrong sum'
  | 'wrong share'
  | 'silent at decrypt'

const [folder, schedule] = process.argv.slice(2) as [string, string]
const lies = JSON.parse(schedule) as Readonly<Record<string, Lie>>
const lieIn = (step: Step): Lie | undefined => lies[String(step.snapshot.round)]
const tell = (step: Step, what: Lie): void =>
  step.context.log.info({ event: 'lied', lie: what, round: step.snapshot.round, seat: step.seat }, what)

/** Commits to something else than an update of one's own, under the rules of commit and reveal. */
const training: Behaviour = async (step) => {
  const lie = lieIn(step)
  if (lie === undefined || !lie.endsWith('update') || !isMember(step)) return BEHAVIOURS.Training(step)
  const { context, snapshot } = step
  if (hasSeat(snapshot.roundInfo.committed, step.seat)) return 'done'
  const frame = await frameHere(step)
  const expected = frame.plan.bytes.update
  const fill = FILLS[lie]
  if (fill !== undefined) {
    tell(step, lie)
    return BEHAVIOURS.Training(spoiling(step, expected, fill))
  }
  const at = { key: updateIntentName(snapshot.epochInfo, snapshot.round), epoch: snapshot.epoch, round: snapshot.round }
  const intent = await context.store.journal.once(at, async () => {
    const cid = await falseUpdate(step, lie, expected)
    const made: UpdateIntent = { cid, size: expected, samples: 100, salt: `0x${randomBytes(32).toString('hex')}` }
    return Buffer.from(JSON.stringify(made))
  })
  tell(step, lie)
  const commitment = updateCommitment(context, snapshot.round, step.seat, parseUpdateIntent(intent.payload))
  return (await act(step, 'commitUpdate', [snapshot.round, commitment])) ? 'done' : 'again'
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
 * Bytes that take the place of the last quarter of an update. All ones are NaN as a float, and beyond every modulus as a
 * coefficient; zeros are coefficients like others, so nobody can tell before the sum is decrypted.
 */
const FILLS: Partial<Record<Lie, number>> = { 'NaN update': 0xff, 'blank update': 0 }

/** The step with a data plane that spoils this keeper's update on its way out, rightly headed and bound to its round. */
function spoiling(step: Step, updateBytes: number, fill: number): Step {
  const { plane } = step.context
  const publish: typeof plane.publish = (bytes, options) => {
    const sent = bytes.slice()
    if (sent.length === updateBytes) sent.fill(fill, sent.length - (sent.length >> 2))
    return plane.publish(sent, options)
  }
  const spoiled = new Proxy(plane, {
    get(target, name) {
      if (name === 'publish') return publish
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...step, context: { ...step.context, plane: spoiled } }
}

const aggregate: Behaviour = async (step) => {
  if (lieIn(step) !== 'wrong sum' || !isMember(step)) return BEHAVIOURS.Aggregate(step)
  tell(step, 'wrong sum')
  const hash = `0x${randomBytes(32).toString('hex')}`
  return (await act(step, 'attest', [step.snapshot.round, hash, step.snapshot.roundInfo.revealed])) ? 'done' : 'again'
}

const decrypt: Behaviour = async (step) => {
  const lie = lieIn(step)
  const { drafted, shared } = step.snapshot.roundInfo
  const chosen = isMember(step) && hasSeat(drafted, step.seat) && !hasSeat(shared, step.seat)
  if (!chosen || (lie !== 'wrong share' && lie !== 'silent at decrypt')) return BEHAVIOURS.Decrypt(step)
  tell(step, lie)
  if (lie === 'silent at decrypt') return 'done'
  const frame = await frameHere(step as Step & { readonly seat: number })
  const cid = await publish(step, 'share', randomBytes(frame.plan.bytes.decryptionShare), step.snapshot.round)
  const args = [step.snapshot.round, cidHex(cid), frame.plan.bytes.decryptionShare]
  return (await act(step, 'submitShare', args)) ? 'done' : 'again'
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
  behaviours: { Training: training, Aggregate: aggregate, Decrypt: decrypt },
})
