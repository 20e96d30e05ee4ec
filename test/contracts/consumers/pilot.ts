// SPDX-License-Identifier: GPL-3.0-or-later
// A pilot over a real hub, a publisher and a contract to call: what its tests share.
import { getBytes, Interface, toUtf8Bytes } from 'ethers'
import { WEIGHTS } from '../inference/hub.ts'
import { restored } from '../restored.ts'
import { deployHostile } from './hostile.ts'
import { createMarkets, DAY } from './market.ts'
import { digestOf, type PressKey } from './publisher.ts'
import { labelled } from './reading-circuit.ts'

export const ETHER = 255
export const TARGET = new Interface([
  'function pay(address, uint256) payable returns (uint256)',
  'function refuse(bool)',
  'error Refused(uint256)',
])
const RULE = { label: 0, atLeast: 1 }
export const LABEL = 2
export const LEAST = 30n

/** Publisher 1's orders to call `pay` on `target`, up to 100 a call and 250 a period, counted by its second argument. */
async function deployPilot() {
  const world = await createMarkets()
  const { ethers, networkHelpers, hub, publishers, dao, reading, press } = world
  const pilot = await ethers.deployContract('DaoPilot', [hub, publishers, dao])
  await pilot.grantRole(await pilot.MANDATE_ROLE(), dao)
  await dao.sendTransaction({ to: pilot, value: 10_000n })
  const target = await deployHostile('Target', dao)

  const mandate = async (changes: object = {}) => ({
    modelId: 3,
    rule: RULE.label,
    label: LABEL,
    threshold: LEAST,
    publisherId: 1,
    inputCommitment: ethers.ZeroHash,
    callHash: ethers.ZeroHash,
    target: await target.getAddress(),
    selector: TARGET.getFunction('pay')!.selector,
    amountWord: 1,
    maxPerCall: 100n,
    maxPerPeriod: 250n,
    period: 7 * DAY,
    cooldown: 0,
    expiresAt: (await networkHelpers.time.latest()) + 60 * DAY,
    ...changes,
  })
  const grant = async (changes: object = {}): Promise<bigint> => {
    await pilot.connect(dao).grant(await mandate(changes))
    return await pilot.mandateCount()
  }
  const pay = (amount: bigint, to = world.stranger.address) => TARGET.encodeFunctionData('pay', [to, amount])

  type Asked = {
    amount?: bigint
    content?: string
    value?: bigint
    data?: string
    output?: bigint
    key?: PressKey
    validUntil?: number
  }
  /** An order signed by its publisher, and a proof that the model says what the mandate asks for. */
  const order = async (mandateId: bigint, asked: Asked = {}) => {
    const content = toUtf8Bytes(asked.content ?? 'Delivery 17 arrived complete and undamaged')
    const [value, data] = [asked.value ?? 0n, asked.data ?? pay(asked.amount ?? 40n)]
    const { digest, inputCommitment } = digestOf(content)
    const validUntil = asked.validUntil ?? (await networkHelpers.time.latest()) + 50 * DAY
    const signed = await pilot.orderBytes(mandateId, value, data, digest, validUntil)
    const signature = (asked.key ?? press).sign(getBytes(signed))
    const output = asked.output ?? labelled(LABEL, LEAST)
    const input = ethers.toBeHex(inputCommitment, 32)
    const context = await pilot.contextOf(mandateId, input)
    const proof = await reading.prove({ weight: WEIGHTS[0]!, inputCommitment, output, context })
    return {
      order: { mandateId, value, data, content, keyId: 1, validUntil, signature },
      output,
      proof,
      input,
      context,
    }
  }
  return { ...world, pilot, target, mandate, grant, pay, order, RULE }
}

export const createPilot = restored(deployPilot)

export type Pilots = Awaited<ReturnType<typeof createPilot>>
export type Ordered = Awaited<ReturnType<Pilots['order']>>

/** Has a stranger present an honest order, or the one given. */
export async function actOn({ pilot, stranger, order }: Pilots, mandateId: bigint, ordered?: Ordered) {
  const { order: asked, output, proof } = ordered ?? (await order(mandateId))
  return await pilot.connect(stranger).act(asked, output, proof)
}
