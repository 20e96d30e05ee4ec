// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper's secrets depend on is not believed on the word of one endpoint, when it has two: whom it deals its secret to, and
// for whom it decrypts.
import { z } from 'zod'
import { bitmapOf, contractInterface } from '../../chain/index.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'

/** What is compared of a log that an endpoint gives. */
const logSchema = z.object({ topics: z.array(z.string()), data: z.string(), blockHash: z.string() })

const blockSchema = z.object({ hash: z.string() })

/** Endpoints that must tell alike, when the keeper has as many. */
const WITNESSES = 2

/**
 * Whether two endpoints have this event in the same block, that block on their chain and as deep, or the only one that is configured.
 * Nodes go on to answer for blocks that a reorganisation has put aside: that they know of one is not enough.
 * @param depth Blocks from the event's own to the head.
 */
export async function isWitnessed(step: Step, fact: Fact, depth = 1): Promise<boolean> {
  const { endpoints, serviceAddress, log } = step.context
  if (endpoints.count < WITNESSES) return true
  const iface = contractInterface('ILearningService')
  const topics = [iface.getEvent(fact.name)!.topicHash]
  const filter = { blockHash: fact.blockHash, address: serviceAddress, topics }
  const answers = await endpoints.everywhere('eth_getLogs', [filter], step.signal)
  const blocks = (number: number) =>
    endpoints.everywhere('eth_getBlockByNumber', [`0x${number.toString(16)}`, false], step.signal)
  // The deeper one last: what is found on the chain then is not older than what is above it.
  const above = await blocks(fact.block + depth - 1)
  const own = await blocks(fact.block)
  const agree = answers.filter(
    ({ result }, i) =>
      Array.isArray(result) &&
      result.some((entry) => isLogOf(entry, fact)) &&
      blockSchema.safeParse(above[i]?.result).success &&
      blockSchema.safeParse(own[i]?.result).data?.hash === fact.blockHash,
  )
  if (agree.length >= WITNESSES) return true
  log.warn(
    {
      event: 'not witnessed',
      name: fact.name,
      round: fact.args.round,
      agree: agree.map(({ endpoint }) => endpoint),
      others: answers.filter((answer) => !agree.includes(answer)).map(({ endpoint, reason }) => ({ endpoint, reason })),
    },
    'one endpoint alone tells of this event: nothing secret follows from it until another one does',
  )
  return false
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
 * Whether two endpoints, or the only one that is configured, know this epoch, its members, its threshold and the keys that shares are
 * sealed to. An endpoint could name members of its own, and would hold every share of what this keeper deals.
 */
export async function isRosterWitnessed(step: Step, frame: EpochFrame): Promise<boolean> {
  const { endpoints, facts, serviceAddress, contracts, log } = step.context
  if (endpoints.count < WITNESSES) return true
  const { crsSeed, plan, roster } = frame
  const { epoch } = frame.context
  // What the frame was made of, which is kept: by now the endpoint may say something else.
  const members = bitmapOf(roster.map(({ seat }) => seat))
  const opened = facts.last('EpochOpened', { epoch, crsSeed, members, decryptionThreshold: plan.threshold })
  if (opened === null || !(await isWitnessed(step, opened))) return false
  const registry = await contracts.registry.getAddress()
  const at = `0x${opened.block.toString(16)}`
  const ask = async (to: string, name: 'ILearningService' | 'KeeperRegistry', method: string, argument: unknown) => {
    const iface = contractInterface(name)
    const data = iface.encodeFunctionData(method, [argument])
    const answers = await endpoints.everywhere('eth_call', [{ to, data }, at], step.signal)
    return (expected: (result: ReturnType<typeof iface.decodeFunctionResult>) => boolean): boolean => {
      const agree = answers.filter(({ result }) => {
        try {
          return typeof result === 'string' && expected(iface.decodeFunctionResult(method, result))
        } catch {
          return false
        }
      })
      return agree.length >= WITNESSES
    }
  }
  for (const { seat, address, encryptionKey } of roster) {
    const isHere = await ask(serviceAddress, 'ILearningService', 'seatInfo', seat)
    const hasKey = await ask(registry, 'KeeperRegistry', 'keeperOf', address)
    const key = `0x${Buffer.from(encryptionKey).toString('hex')}`
    const seated = isHere(({ keeper }) => String(keeper).toLowerCase() === address.toLowerCase())
    if (seated && hasKey(([keeper]) => String(keeper.encryptionKey).toLowerCase() === key)) continue
    log.warn(
      { event: 'member not witnessed', epoch, seat, address },
      'one endpoint alone tells of this member and its key: nothing is dealt until another one does',
    )
    return false
  }
  return true
}
