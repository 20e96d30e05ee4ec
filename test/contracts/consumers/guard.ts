// SPDX-License-Identifier: GPL-3.0-or-later
// A guard over the hub of the inference tests, with models that say one thing each; the checks are called by the account itself.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { Interface } from 'ethers'
import { constantCircuit } from '../inference/constant-circuit.ts'
import { createHub } from '../inference/hub.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'

export const MINUTE = 60
export const HOUR = 3600
export const DAY = 24 * HOUR
export const ORIGIN = { owners: 0, module: 1, hook: 2 }
export const OPERATION = { call: 0, delegateCall: 1 }
export const CLASS = {
  native: 0,
  nativeWithData: 1,
  tokenTransfer: 2,
  tokenTransferFrom: 3,
  tokenApproval: 4,
}
export const BASIS = { withinLimit: 0, verdict: 1, announcement: 2 }
export const APPROVED = 1
export const MIN_MARGIN = 20n
/** Of the native asset and of the token, a window. */
export const LIMIT = 1000n

/** A model that says `output` of every input. */
export type Judge = { readonly id: number; readonly output: bigint }
export type Spend = { to: string; value: bigint; data: string; operation: number; origin: number }

export const ERC20 = new Interface([
  'function transfer(address,uint256)',
  'function transferFrom(address,address,uint256)',
  'function approve(address,uint256)',
  'function increaseAllowance(address,uint256)',
  'function burn(uint256)',
])
export const labelled = (label: number, margin: number | bigint): bigint => BigInt(label) + (BigInt(margin) << 16n)

async function deployGuard() {
  const world = await createHub()
  const { ethers, networkHelpers, hub, owner, dao, user, prover, stranger, verifiers, models, service, keepers } = world
  const guard = await ethers.deployContract('SpendingGuard', [hub])
  const circuit = await constantCircuit()
  const verifier = await circuit.deployVerifier(dao)
  await verifiers.register(circuit.id, await verifier.getAddress(), circuit.vkHash, 1, '0x')
  const addJudge = async (output: bigint): Promise<Judge> => {
    await keepers.publish(1, 9, commitment(output), world.CID, 7)
    const version = await models.versionCount(service)
    const described = { ...world.described(commitment(output)), circuitHash: circuit.id, vkHash: circuit.vkHash }
    const schema = output < 65_536n ? OUTPUT.label : OUTPUT.labelAndMargin
    await hub.connect(owner).registerModel(described, service, version, schema)
    return { id: Number(await hub.modelCount()), output }
  }
  const fair = await addJudge(labelled(APPROVED, MIN_MARGIN))
  const token = await ethers.deployContract('CohortToken', [dao, [user], [10n ** 24n]])
  const asset = await token.getAddress()

  const policy = (changes: object = {}) => ({
    modelId: fair.id,
    approvedLabel: APPROVED,
    margins: true,
    minMargin: MIN_MARGIN,
    window: DAY,
    verdictSeconds: 10 * MINUTE,
    delay: 2 * DAY,
    ...changes,
  })
  /** Configures an account as the tests assume it. */
  const configure = async (account: HardhatEthersSigner = user, changes: object = {}) => {
    await guard.connect(account).setLimit(ethers.ZeroAddress, LIMIT)
    await guard.connect(account).setLimit(asset, LIMIT)
    await guard.connect(account).setPolicy(policy(changes))
  }
  const spend = (changes: Partial<Spend> = {}): Spend => ({
    ...{ to: stranger.address, value: LIMIT + 1n, data: '0x', operation: OPERATION.call, origin: ORIGIN.owners },
    ...changes,
  })
  const tokenSpend = (name: string, args: readonly unknown[], changes: Partial<Spend> = {}) =>
    spend({ to: asset, value: 0n, data: ERC20.encodeFunctionData(name, args), ...changes })

  /** The check that an account makes before it executes. */
  const check = (given: Spend, by: HardhatEthersSigner = user, gasPrice = 0n) => {
    const { to, value, data, operation, origin } = given
    const asAccount = guard.connect(by)
    if (origin === ORIGIN.module) return asAccount.checkModuleTransaction(to, value, data, operation, prover)
    const zero = ethers.ZeroAddress
    return asAccount.checkTransaction(to, value, data, operation, 0, 0, gasPrice, zero, zero, '0x', prover)
  }

  const now = () => networkHelpers.time.latest()
  const prove = async (given: Spend, options: { account?: string; at?: number; judge?: Judge } = {}) => {
    const { account = user.address, at = await now(), judge = fair } = options
    const { version, inputCommitment, context } = await guard.statementOf(account, given, at)
    const proof = await circuit.prove(judge.output, BigInt(inputCommitment), context)
    return { at, version, proof, output: judge.output }
  }
  const submit = (given: Spend, made: Awaited<ReturnType<typeof prove>>, account = user.address) =>
    guard.connect(prover).submitVerdict(account, given, made.at, made.version, made.output, made.proof)
  /** Proves and submits a verdict. */
  const judge = async (given: Spend, options: { account?: string; judge?: Judge } = {}) =>
    await submit(given, await prove(given, options), options.account)
  const hashOf = (given: Spend, account = user.address) => guard.spendHashOf(account, given)

  return {
    ...{ ...world, guard, addJudge, fair, token, asset, circuit, policy, configure, spend, tokenSpend },
    ...{ check, now, prove, submit, judge, hashOf },
  }
}

export const createGuard = restored(deployGuard)

export type Guard = Awaited<ReturnType<typeof createGuard>>
