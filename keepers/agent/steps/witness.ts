// SPDX-License-Identifier: GPL-3.0-or-later
// With two endpoints configured, a keeper does not rely on one of them for facts on which its secrets depend: to whom it deals, and for
// whom it decrypts.
import { z } from 'zod'
import {
  bitmapOf,
  contractInterface,
  denyHeight,
  type EndpointAnswer,
  hasWitnesses,
  settled,
  settles,
} from '../../chain/index.ts'
import { elapsed } from '../actions.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import { noteAgreement, noteContradiction } from './contradiction.ts'
import { isFinal } from './final.ts'

/** The fields of an endpoint's log that are compared. */
const logSchema = z.object({ topics: z.array(z.string()), data: z.string(), blockHash: z.string() })

const blockSchema = z.object({ hash: z.string() })

/** Most blocks in one query, and most queries: each of 256 seats reveals once. */
const WIDE = 200
const MOST = 256

/**
 * Whether two endpoints, or the only one that is configured, report this event in the same block, on their chain, and `depth` blocks deep. It is not
 * enough that they know the block: nodes still answer for blocks that a reorganisation has put aside.
 * @param depth Blocks from the event's own to the head.
 */
export async function isWitnessed(step: Step, fact: Fact, depth = 1): Promise<boolean> {
  const { endpoints, serviceAddress, log } = step.context
  if (!hasWitnesses(endpoints)) return true
  const iface = contractInterface('ILearningService')
  const topics = [iface.getEvent(fact.name)!.topicHash]
  const filter = { blockHash: fact.blockHash, address: serviceAddress, topics }
  const answers = await endpoints.everywhere('eth_getLogs', [filter], step.signal)
  const blocks = (number: number) =>
    endpoints.everywhere('eth_getBlockByNumber', [`0x${number.toString(16)}`, false], step.signal)
  // The lower block last: then its answer is not older than the answer for the block above it.
  const above = await blocks(fact.block + depth - 1)
  const own = await blocks(fact.block)
  const agree = answers.filter(
    ({ result }, i) =>
      Array.isArray(result) &&
      result.some((entry) => isLogOf(entry, fact)) &&
      blockSchema.safeParse(above[i]?.result).success &&
      blockSchema.safeParse(own[i]?.result).data?.hash === fact.blockHash,
  )
  // The operator's own endpoint may not have the block yet. While it is up, others cannot outvote it.
  const heard = answers.filter((_, i) => own[i]?.reason === undefined)
  if (settles(agree, heard)) {
    noteAgreement(step.context)
    return true
  }
  // One that has this very block and not the event denies it.
  const deny = heard.filter((answer) => !agree.includes(answer) && Array.isArray(answer.result))
  if (agree.length > 0 && deny.length > 0) noteContradiction(step.context, fact.name, [...agree, ...deny])
  log.warn(
    {
      event: 'not witnessed',
      name: fact.name,
      round: fact.args.round,
      agree: agree.map(({ endpoint }) => endpoint),
      others: answers.filter((answer) => !agree.includes(answer)).map(({ endpoint, reason }) => ({ endpoint, reason })),
    },
    'only one endpoint reports this event: the keeper sends nothing secret because of it until another one reports it',
  )
  return false
}

/** Events on which a statement to the chain rests: all reveals of an epoch's dealings, or of a round's updates. */
type Told = {
  readonly name: 'KeyRevealed' | 'UpdateRevealed'
  readonly facts: readonly Fact[]
  readonly of: { readonly epoch: number } | { readonly round: number }
}

/**
 * Whether this keeper may base a statement about others on these events: as soon as a second endpoint reports exactly the same, and never
 * while another one contradicts it. On one endpoint's word alone it waits until the others have been silent for `patience` of the window.
 * A keeper that was told of other dealings or updates than the chain has would contradict honest members, and would be convicted.
 *
 * It must also wait until those blocks are final or `patience` is over. A statement names only an epoch or a round, not the reference string,
 * dealings or updates that it is about. After a reorganisation, anybody could send it again, and it would count against the accused's new
 * commitments.
 */
export async function mayBelieve(
  step: Step,
  told: Told,
  { window, patience }: { readonly window: number; readonly patience: number },
): Promise<boolean> {
  const { endpoints } = step.context
  if (told.facts.length === 0 && !hasWitnesses(endpoints)) return true
  const newest = Math.max(0, ...told.facts.map(({ block }) => block))
  if (elapsed(step, window) < patience && !(await isFinal(step, newest))) return false
  const witness = await witnessOf(step, told)
  return witness === 'witnessed' || (witness === 'unheard' && elapsed(step, window) >= patience)
}

/** Whether two endpoints, or the only one that is configured, report the same for all these events. */
export async function areWitnessed(step: Step, told: Told): Promise<boolean> {
  return (await witnessOf(step, told)) === 'witnessed'
}

async function witnessOf(step: Step, { name, facts, of }: Told): Promise<'witnessed' | 'contradicted' | 'unheard'> {
  const { endpoints, serviceAddress, log, remembered } = step.context
  if (!hasWitnesses(endpoints)) return 'witnessed'
  const iface = contractInterface('ILearningService')
  const blocks = facts.length === 0 ? [step.snapshot.block] : facts.map(({ block }) => block)
  const newest = Math.max(...blocks)
  const seats = bitmapOf(facts.map(({ args }) => Number(args.seat)))
  const info = 'round' in of ? 'roundInfo' : 'keyInfo'
  // An endpoint that lags has not seen the events yet and contradicts nobody. One that is up to date and yet far below that block does.
  const reached = await endpoints.everywhere('eth_getBlockByNumber', [`0x${newest.toString(16)}`, false], step.signal)
  const denies = await denyHeight(endpoints, step.context.clock, newest, step.signal)
  const answers = await logsOf(step, name, blocks)
  const call = { to: serviceAddress, data: iface.encodeFunctionData(info as 'roundInfo') }
  const states = await endpoints.everywhere('eth_call', [call, 'latest'], step.signal)
  const revealed = states.map(({ result }) => revealedOf(info, result))
  const isThere = (i: number) => blockSchema.safeParse(reached[i]?.result).success
  const heard = answers.filter(
    ({ result }, i) => revealed[i] !== null && (isThere(i) ? Array.isArray(result) : denies[i] === true),
  )
  const seatsOf = (answer: EndpointAnswer) => revealed[answers.indexOf(answer)]
  const alikeIn = ({ result }: EndpointAnswer) =>
    (Array.isArray(result) ? result : []).filter((entry) => isOf(entry, of))
  const agree = heard.filter((answer) => {
    const alike = alikeIn(answer)
    if (!isThere(answers.indexOf(answer)) || seatsOf(answer) !== seats || alike.length !== facts.length) return false
    return facts.every((fact) => alike.some((entry) => isLogOf(entry, fact)))
  })
  if (settles(agree, heard)) {
    noteAgreement(step.context)
    return 'witnessed'
  }
  const others = settled(heard, (answer) =>
    JSON.stringify([String(seatsOf(answer)), ...alikeIn(answer).map((entry) => logSchema.parse(entry))]),
  )
  const told = { name, ...of, agree: agree.map(({ endpoint }) => endpoint) }
  if (others !== null) {
    log.warn(
      { event: 'outvoted', ...told, others: others.map(({ endpoint }) => endpoint) },
      'only the endpoint in use reports these events: the keeper reads them again from another one',
    )
    noteAgreement(step.context)
    endpoints.prefer(others[0]!.endpoint, `others report other ${name} events`)
    // Hidden events may be in other blocks than the reported ones.
    const opened = step.context.facts.last('EpochOpened')
    remembered.reread = Math.min(...blocks, ...(opened === null ? [] : [opened.block]))
    return 'contradicted'
  }
  log.warn(
    { event: 'not witnessed', ...told, heard: heard.map(({ endpoint }) => endpoint) },
    'only one endpoint reports these events: the keeper makes no statement about them until another one reports them or cannot be asked',
  )
  if (heard.length === agree.length) return 'unheard'
  noteContradiction(step.context, name, heard)
  return 'contradicted'
}

/** Whether two endpoints, or the only one that is configured, confirm this least number of members of the service. */
export async function isLeastWitnessed(step: Step, minKeepers: number): Promise<boolean> {
  const { endpoints, serviceAddress, log } = step.context
  if (!hasWitnesses(endpoints)) return true
  const call = { to: serviceAddress, data: contractInterface('ILearningService').encodeFunctionData('parameters') }
  // They change only between epochs, so the newest block of each will do.
  const heard = (await endpoints.everywhere('eth_call', [call, 'latest'], step.signal)).filter(
    ({ result }) => leastOf(result) !== null,
  )
  const agree = heard.filter(({ result }) => leastOf(result) === minKeepers)
  if (settles(agree, heard)) return true
  log.warn(
    { event: 'not witnessed', name: 'minKeepers', minKeepers, agree: agree.map(({ endpoint }) => endpoint) },
    'only one endpoint reports this bound on the members of a service',
  )
  return false
}

/** `minKeepers` in an endpoint's answer; null for an invalid one. */
function leastOf(result: unknown): number | null {
  try {
    const found = contractInterface('ILearningService').decodeFunctionResult('parameters', String(result))
    return Number(found[0].minKeepers)
  } catch {
    return null
  }
}

/**
 * Each endpoint's log of these events in these blocks. The query is as narrow as possible: the seats in the service's state reveal any
 * further events. Blocks that are far apart are asked for one by one: otherwise an endpoint could name blocks so far apart that the others
 * refuse the range.
 */
async function logsOf(step: Step, name: Told['name'], blocks: readonly number[]): Promise<EndpointAnswer[]> {
  const { endpoints, serviceAddress } = step.context
  const topics = [contractInterface('ILearningService').getEvent(name)!.topicHash]
  const ends = [Math.min(...blocks), Math.max(...blocks)] as const
  const ranges =
    ends[1] - ends[0] < WIDE ? [ends] : [...new Set(blocks)].slice(0, MOST).map((block) => [block, block] as const)
  const asked: EndpointAnswer[][] = []
  for (const range of ranges) {
    const [fromBlock, toBlock] = range.map((block) => `0x${block.toString(16)}`)
    asked.push(
      await endpoints.everywhere('eth_getLogs', [{ fromBlock, toBlock, address: serviceAddress, topics }], step.signal),
    )
  }
  return asked[0]!.map((first, i) => {
    const parts = asked.map((answers) => answers[i]!)
    return (
      parts.find(({ result }) => !Array.isArray(result)) ?? { ...first, result: parts.flatMap(({ result }) => result) }
    )
  })
}

/** The seats that have revealed, by an endpoint's view of the service's state; null for an invalid answer. */
function revealedOf(info: 'roundInfo' | 'keyInfo', result: unknown): bigint | null {
  try {
    return BigInt(contractInterface('ILearningService').decodeFunctionResult(info, String(result))[0].revealed)
  } catch {
    return null
  }
}

/** Whether a log is of that epoch or round. */
function isOf(entry: unknown, of: Told['of']): boolean {
  const log = logSchema.safeParse(entry)
  if (!log.success) return false
  try {
    const parsed = contractInterface('ILearningService').parseLog(log.data)
    return parsed !== null && Object.entries(of).every(([name, value]) => Number(parsed.args[name]) === value)
  } catch {
    return false
  }
}

function isLogOf(entry: unknown, fact: Fact): boolean {
  const log = logSchema.safeParse(entry)
  if (!log.success || log.data.blockHash !== fact.blockHash) return false
  try {
    const parsed = contractInterface('ILearningService').parseLog(log.data)
    if (parsed === null || parsed.name !== fact.name) return false
    return parsed.fragment.inputs.every((input, i) => String(parsed.args[i]) === String(fact.args[input.name]))
  } catch {
    return false
  }
}

/**
 * Whether two endpoints, or the only one that is configured, know this epoch, its members, its threshold, the keys for sealing shares, and
 * the number of decryptions in the plan. A lying endpoint could name its own members and would then hold every share that this keeper
 * deals; under another plan everybody would find the dealing false. The epoch must have opened `chain.confirmations` deep: a member's
 * commitment is for one reference string, and if a reorganisation gives the epoch another one, nobody can commit again.
 */
export async function isRosterWitnessed(step: Step, frame: EpochFrame): Promise<boolean> {
  const { endpoints, facts, serviceAddress, contracts, log, config } = step.context
  const { confirmations } = config.chain
  const { crsSeed, plan, roster } = frame
  const { epoch } = frame.context
  const found = facts.last('EpochOpened', { epoch, crsSeed })
  if (found === null || !(await isFinal(step, found.block))) return false
  if (!hasWitnesses(endpoints)) return true
  // The stored values from which the frame was made: by now the endpoint may say something else.
  const members = bitmapOf(roster.map(({ seat }) => seat))
  const opened = facts.last('EpochOpened', { epoch, crsSeed, members, decryptionThreshold: plan.threshold })
  if (opened === null || !(await isWitnessed(step, opened, confirmations))) return false
  const registry = await contracts.registry.getAddress()
  const at = `0x${opened.block.toString(16)}`
  const ask = async (to: string, name: 'ILearningService' | 'KeeperRegistry', method: string, ...values: unknown[]) => {
    const iface = contractInterface(name)
    const data = iface.encodeFunctionData(method, values)
    const answers = await endpoints.everywhere('eth_call', [{ to, data }, at], step.signal)
    return (expected: (result: ReturnType<typeof iface.decodeFunctionResult>) => boolean): boolean => {
      const agree = answers.filter(({ result }) => {
        try {
          return typeof result === 'string' && expected(iface.decodeFunctionResult(method, result))
        } catch {
          return false
        }
      })
      return settles(
        agree,
        answers.filter(({ result }) => typeof result === 'string'),
      )
    }
  }
  const hasPlan = await ask(serviceAddress, 'ILearningService', 'parameters')
  if (!hasPlan(([parameters]) => Number(parameters.decryptionsPerEpoch) === plan.decryptionsPerKey)) {
    log.warn(
      { event: 'parameters not witnessed', epoch, decryptionsPerEpoch: plan.decryptionsPerKey },
      'only one endpoint reports these parameters: the keeper deals nothing until another one reports them',
    )
    return false
  }
  for (const { seat, address, encryptionKey } of roster) {
    const isHere = await ask(serviceAddress, 'ILearningService', 'seatInfo', seat)
    const hasKey = await ask(registry, 'KeeperRegistry', 'keeperOf', address)
    const key = `0x${Buffer.from(encryptionKey).toString('hex')}`
    const seated = isHere(({ keeper }) => String(keeper).toLowerCase() === address.toLowerCase())
    if (seated && hasKey(([keeper]) => String(keeper.encryptionKey).toLowerCase() === key)) continue
    log.warn(
      { event: 'member not witnessed', epoch, seat, address },
      'only one endpoint reports this member and its key: the keeper deals nothing until another one reports them',
    )
    return false
  }
  return true
}
