// SPDX-License-Identifier: GPL-3.0-or-later
// A service with one-epoch seats draws the members of each epoch among candidates (contracts/rounds/admission/SortitionAdmission.sol). A keeper
// enlists, helps to open and settle the draw, takes a seat when the draw says so, and reports those that did not come.
import { ZeroAddress } from 'ethers'
import { contractInterface, RevertError, type Sortition, sortitionAt } from '../../chain/index.ts'
import { windowOf } from '../actions.ts'
import type { AgentContext, Step } from '../context.ts'

/** Seconds of chain time that each candidate in turn leaves to those before it. */
const TURN_SECONDS = 3
/** Candidates that have a turn of their own. Further ones share turns, twice as many in each. */
const SINGLE_TURNS = 4

/** Refusals that mean: somebody was faster, or it is too early or too late. */
const OUT_OF_TIME: ReadonlySet<string> = new Set([
  'AlreadyEnlisted',
  'DrawLive',
  'NotRegistering',
  'TooFewCandidates',
  'NoFreeSeats',
  'NothingToSettle',
  'NothingToExtend',
  'SeedTooEarly',
  'SettledTooLate',
  'NotReportable',
  'NotAbsent',
  'NotDrawn',
  'NotEnlisted',
])
/** Refusals that time or the owner resolves. */
const WAITING: ReadonlySet<string> = new Set([
  'KeeperJailed',
  'InsufficientFreeStake',
  'StakeBelowMinimum',
  'ServiceNotActive',
  'NotOptedIn',
])

/** The facts that a candidate acts on: {@link Sortition.look}. */
type Look = Awaited<ReturnType<Sortition['look']>>

/** The contract that draws the members of this service; null for a service that has none. Asked once for each set of parameters. */
export async function sortitionOf(context: AgentContext): Promise<Sortition | null> {
  const { contracts, facts, remembered } = context
  const occasion = `${facts.last('ParametersProposed')?.block}/${facts.last('ParametersApplied')?.block}`
  if (remembered.sortition?.occasion !== occasion) {
    const { admission } = await contracts.service.parameters()
    const found = admission === ZeroAddress ? null : await sortitionAt(admission, contracts.service.runner!.provider!)
    remembered.sortition = { occasion, found }
  }
  return remembered.sortition.found
}

/**
 * Does a candidate's part at this moment.
 * @returns whether the draw lets the keeper take a seat now
 */
export async function takePart(step: Step, sortition: Sortition, owner: string): Promise<boolean> {
  const { context, snapshot } = step
  const look = await sortition.look(owner, { blockTag: snapshot.block })
  const { draw } = look
  const number = Number(draw.number)
  if (!look.enlisted) {
    if (!(await context.contracts.registry.isOptedIn(await sortition.getAddress(), owner))) {
      note(context, `out ${number}`, { event: 'not a candidate', owner }, 'run `cohort keeper register` to become one')
      return false
    }
    await send(step, sortition, 'enlist', [owner], `${number}`)
    return false
  }
  const occasion = `${number}/${snapshot.end}`
  if (look.canOpen && isTurn(step, look, `open ${occasion}`)) await send(step, sortition, 'openDraw', [], occasion)
  if (look.canSettle && isTurn(step, look, `settle ${occasion}`))
    await send(step, sortition, 'settleDraw', [], occasion)
  if (look.canExtend && isTurn(step, look, `extend ${number}/${draw.since}`)) {
    await send(step, sortition, 'extendDraw', [], `${number}/${draw.since}`)
  }
  if (!look.live || draw.since === 0n) return false
  const seen = { draw: number, candidates: Number(draw.candidates), seats: Number(draw.size) }
  if (look.rank < draw.size) {
    const details = { event: 'drawn', ...seen, rank: Number(look.rank) }
    note(context, `draw ${number}`, details, 'the draw gives this keeper a seat for one epoch')
  } else {
    note(context, `draw ${number}`, { event: 'not drawn', ...seen }, 'this keeper waits for the next draw')
  }
  return look.mayJoin
}

/**
 * When key generation begins, or in the first Training of an epoch: reports the drawn candidates that took no seat. They pay a penalty and are
 * candidates no longer. Never throws, because no round may depend on such a report.
 */
export async function reportAbsent(step: Step & { readonly seat: number }): Promise<void> {
  const { context, snapshot } = step
  const done = `absent ${snapshot.epoch}`
  if (context.remembered.reported === done) return
  // Set before the first answer, so that the next look at the same state does not ask again meanwhile.
  context.remembered.reported = done
  try {
    const sortition = await sortitionOf(context)
    if (sortition !== null) await reportOf(step, sortition)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    context.log.debug({ event: 'absent not reported', reason }, 'somebody else may report who did not come')
  }
}

async function reportOf(step: Step, sortition: Sortition): Promise<void> {
  const { context, snapshot } = step
  const draw = await sortition.lastDraw()
  if (Number(draw.epoch) + 1 !== snapshot.epoch || draw.since === 0n) return
  const drawn = (await sortition.drawn(draw.size)).filter((keeper) => keeper !== ZeroAddress)
  const seated = await Promise.all(drawn.map((keeper) => context.contracts.service.isSeated(keeper)))
  for (const keeper of drawn.filter((_, index) => !seated[index])) {
    await send(step, sortition, 'reportAbsence', [keeper], `${Number(draw.number)}/${keeper}`)
  }
}

/** Whether a candidate acts now. The order rotates with the draws, so that others pay next time. */
function isTurn({ context, snapshot }: Step, look: Look, occasion: string): boolean {
  const { remembered } = context
  if (remembered.turn?.occasion !== occasion) remembered.turn = { occasion, time: snapshot.time }
  const place = Number((look.position + look.draw.number) % look.candidates)
  return snapshot.time - remembered.turn.time >= turnOf(place) * TURN_SECONDS
}

/** The turn of a place in the order: 0, 1, 2, 3, then 4 for places 4 to 7, 5 for 8 to 15, and so on. A thousand candidates take 12 turns. */
export function turnOf(place: number): number {
  return place < SINGLE_TURNS ? place : SINGLE_TURNS + Math.floor(Math.log2(place / SINGLE_TURNS))
}

type Call = 'enlist' | 'openDraw' | 'settleDraw' | 'extendDraw' | 'reportAbsence'

/** Sends a call of the sortition as the operator, and waits until it is in a block. @returns false when it was too late, or too early */
async function send(
  step: Step,
  sortition: Sortition,
  method: Call,
  args: readonly string[],
  occasion: string,
): Promise<boolean> {
  const { context, snapshot, signal } = step
  const to = await sortition.getAddress()
  const data = contractInterface('ISortitionAdmission').encodeFunctionData(method, args)
  try {
    await context.queue.send({ key: `${method}/${occasion}`, to, data, window: windowOf(snapshot) }, signal)
  } catch (error) {
    if (!(error instanceof RevertError)) throw error
    if (OUT_OF_TIME.has(error.error)) {
      context.log.debug({ event: 'too late', method, reason: error.message }, 'too late, or done already')
      return false
    }
    if (!WAITING.has(error.error)) throw error
    const waits = `${method} ${error.error} ${snapshot.epoch}`
    note(
      context,
      waits,
      { event: 'no candidate yet', reason: error.message },
      'this keeper cannot become a candidate yet',
    )
    return false
  }
  context.log.info({ event: 'acted', method, epoch: snapshot.epoch, round: snapshot.round }, `${method} confirmed`)
  return true
}

/** Logs something once. */
function note({ log, remembered }: AgentContext, key: string, details: object, text: string): void {
  if (remembered.noted === key) return
  remembered.noted = key
  log.info(details, text)
}
