// SPDX-License-Identifier: GPL-3.0-or-later
// Log lines for the operator: the state of the service, the money for gas, and the fate of this keeper and others.
import { formatEther } from 'ethers'
import { hasSeat, seatsOf } from '../chain/index.ts'
import type { AgentContext } from './context.ts'
import { CONVICTIONS, reasonText } from './convictions.ts'
import type { Fact, FactOf } from './facts.ts'
import { LOW_BALANCE } from './preflight.ts'
import type { Snapshot } from './snapshot.ts'
import { STATES } from './states.ts'
import { notePutOut } from './steps/seat.ts'

/** The keeper's place in the epoch that runs. */
type Position = {
  readonly seat: number | null
  readonly isMember: boolean
  /** Bitmap of the seats that sit the round out. */
  readonly leftOut: bigint
}

/** Once a round: checks the operator's remaining balance for gas. */
export async function checkPurse(context: AgentContext): Promise<void> {
  const { contracts, operator, metrics, log } = context
  const balance = await contracts.service.runner?.provider?.getBalance(operator)
  if (balance === undefined) return
  metrics.balance.set(Number(formatEther(balance)))
  // A keeper with relayers may have none at all.
  if (balance < LOW_BALANCE && context.config.relay === undefined) {
    log.warn({ event: 'low balance', wei: String(balance) }, 'the operator has little gas left')
  }
}

/** Sets the gauges, and logs a state, round or epoch that is new. */
export function showState(
  context: AgentContext,
  position: Omit<Position, 'leftOut'>,
  before: Snapshot | null,
  now: Snapshot,
): void {
  const { metrics, log } = context
  metrics.block.set(now.block)
  metrics.blockTime.set(now.time)
  metrics.epoch.set(now.epoch)
  metrics.round.set(now.round)
  metrics.member.set(position.isMember ? 1 : 0)
  metrics.peers.set(context.plane.connections)
  metrics.relayedPeers.set(context.plane.relayedConnections)
  const { reachable } = context.plane
  metrics.reachable?.set(reachable === null ? Number.NaN : Number(reachable))
  metrics.dht?.peers.set(context.plane.dhtPeers)
  metrics.setState(now.state)
  if (before?.state === now.state && before.round === now.round && before.epoch === now.epoch) return
  log.info(
    { event: 'state', state: now.state, epoch: now.epoch, round: now.round, seat: position.seat, end: now.end },
    `${now.state}, epoch ${now.epoch}, round ${now.round}`,
  )
}

/** States after which the contract gives a strike to members that missed the step, with the event that proves the step. */
const STRUCK_FOR = {
  Reveal: { event: 'UpdateRevealed', step: 'reveal' },
  Check: { event: 'CheckSubmitted', step: 'check' },
} as const

/** Counts a step that this member has not done by the end of its state. Call it only for members that are not left out. */
function noteMissed(context: AgentContext, seat: number, fact: Fact): void {
  const { facts, log, metrics } = context
  const from = STATES[Number(fact.args.from)]
  if (from !== 'Reveal' && from !== 'Check') return
  const transitions = facts.all('Transitioned')
  // A transition names the round and epoch of the state that it leads to, so the state that ended is in the one before.
  const round = transitions[transitions.indexOf(fact as (typeof transitions)[number]) - 1]?.args.round
  if (round === undefined) return
  const { event, step } = STRUCK_FOR[from]
  if (facts.last(event, { round, seat }) !== null) return
  if (from === 'Reveal' && isExcused(context, seat, Number(round))) return
  metrics.stepsMissed.inc({ step })
  log.warn({ event: 'step missed', step, round }, 'this member did not do a step in its window: a strike')
}

/**
 * Whether a member that revealed nothing in a round gets no strike for it. A service whose rounds wait for no slower members allows as many such
 * rounds in a row as an update may be behind, to members that have not committed (decision 0013).
 */
function isExcused({ facts, remembered }: AgentContext, seat: number, round: number): boolean {
  const parameters = remembered.parameters?.parameters
  if (parameters === undefined || parameters.buffer === 0) return false
  if (facts.last('UpdateCommitted', { round, seat }) !== null) return false
  const delivered = Number(facts.last('UpdateRevealed', { seat })?.args.round ?? 0)
  const joined = facts.last('Joined', { seat })?.block ?? 0
  const isFirst = ({ block, args }: FactOf<'EpochOpened'>) => block >= joined && hasSeat(BigInt(args.members), seat)
  const member = facts.all('EpochOpened').find(isFirst)?.block ?? joined
  const transitions = facts.all('Transitioned')
  const missed = transitions.filter(({ block, args }, i) => {
    const closed = Number(transitions[i - 1]?.args.round ?? 0)
    return STATES[Number(args.from)] === 'Reveal' && block >= member && closed > delivered && closed <= round
  })
  return missed.length <= parameters.maxStaleness
}

/** Logs facts that the operator should hear of. `Position` is the keeper's place before the fact. */
export function noteFact(context: AgentContext, { seat, isMember, leftOut }: Position, fact: Fact): void {
  const { log, metrics } = context
  if (fact.name === 'Transitioned' && seat !== null && isMember && !hasSeat(leftOut, seat))
    noteMissed(context, seat, fact)
  const mine = fact.args.seat !== undefined && fact.args.seat === seat
  if (fact.name === 'Penalised' && mine) {
    metrics.errors.inc({ code: 'PENALISED' })
    const reason = reasonText(fact.args.reason)
    log.error({ event: 'penalised', taken: String(fact.args.taken), reason }, 'this keeper lost stake')
  } else if ((fact.name === 'StruckOut' || fact.name === 'Dropped') && mine) {
    metrics.errors.inc({ code: fact.name.toUpperCase() })
    notePutOut(context, fact.block)
    log.error({ event: fact.name }, 'this keeper was removed from the epoch')
  } else if (fact.name === 'Penalised' && CONVICTIONS.has(reasonText(fact.args.reason))) {
    const { seat, keeper, taken } = fact.args
    const details = { event: 'convicted', seat, keeper, taken: String(taken), reason: reasonText(fact.args.reason) }
    log.warn(details, 'the members have convicted one of them')
  } else if (fact.name === 'MembersLeftOut') {
    const seats = seatsOf(fact.args.leftOut as bigint)
    metrics.leftOut.set(seats.length)
    log.info({ event: 'members left out', seats }, 'members that contribute nothing until further notice')
  } else if (fact.name === 'SumFellShort') {
    const { round, missing } = fact.args
    if (seat !== null && hasSeat(missing as bigint, seat)) {
      metrics.errors.inc({ code: 'UPDATE_NOT_SUMMED' })
      log.error({ event: 'update not summed', round }, 'the members could not fetch or check the update of this keeper')
    } else
      log.warn({ event: 'sum too small', round, missing: seatsOf(missing as bigint) }, 'a round had too few updates')
  } else if (fact.name === 'UpdateIncomplete') {
    log.warn({ event: 'incomplete', round: fact.args.round }, 'a round ended without a majority')
  }
}
