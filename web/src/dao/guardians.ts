// SPDX-License-Identifier: GPL-3.0-or-later
// The guardians of a deployment, what they stopped, and what one may do now.
import { Contract, concat, dataSlice, type Interface, toBeHex } from 'ethers'
import { clients, contractInterface, requireProposal } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { time } from '../ui/format.ts'
import type { Happening } from '../ui/happening.ts'

export type GuardianTale = {
  /** Ends of the terms, Unix seconds, by account; those that were dismissed are not in it. */
  readonly terms: ReadonlyMap<string, number>
  readonly happened: readonly Happening[]
}

/** Circuits that are offered for revocation. */
const MOST_CIRCUITS = 50

export type GuardianView = GuardianTale & {
  /** Unix seconds; in the past, or 0, without a pause. */
  readonly pausedUntil: number
  readonly circuits: readonly { readonly circuitId: string; readonly revoked: boolean }[]
}

/** Tells who was appointed, until when. Logs of other kinds are left out. */
export function tellGuardians(
  logs: readonly StoredLog[],
  abi: Interface = contractInterface('Guardian'),
): GuardianTale {
  const terms = new Map<string, number>()
  const happened: Happening[] = []
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    const say = (text: string): void =>
      void happened.push({ block: log.block, text, transactionHash: log.transactionHash })
    if (name === 'GuardianAppointed') {
      terms.set(args.account, Number(args.until))
      say(`${args.account} appointed until ${time(Number(args.until))} UTC`)
    } else if (name === 'GuardianDismissed') {
      terms.delete(args.account)
      say(`${args.account} dismissed`)
    } else if (name === 'OperationCancelled') say(`operation ${args.operationId} cancelled by ${args.by}`)
  }
  return { terms, happened }
}

export async function readGuardians(connection: Connection): Promise<GuardianView> {
  const { provider, site } = connection
  const { contracts } = site.deployment
  const history = connection.history(contracts.Guardian)
  const verifiers = clients.verifiers(contracts.VerifierRegistry, provider)
  const [pausedUntil, count] = await Promise.all([
    verifiers.intakePausedUntil(),
    verifiers.circuitCount(),
    history.step(),
  ])
  const circuits = await Promise.all(
    Array.from({ length: Math.min(Number(count), MOST_CIRCUITS) }, async (_, i) => {
      const circuitId = await verifiers.circuitAt(i)
      return { circuitId, revoked: await verifiers.isRevoked(circuitId) }
    }),
  )
  return { ...tellGuardians(history.logs), pausedUntil: Number(pausedUntil), circuits }
}

/** An operation of the timelock as it was scheduled for a proposal of the governor (GovernorTimelockControl): what cancels it. */
export async function operationOf(
  { provider, site }: Connection,
  proposalId: bigint,
): Promise<[targets: string[], values: bigint[], calls: string[], predecessor: string, salt: string]> {
  const { CohortGovernor } = site.deployment.contracts
  const governor = new Contract(CohortGovernor, contractInterface('CohortGovernor'), provider)
  const [targets, values, calls, descriptionHash] = await governor.getFunction('proposalDetails')(proposalId)
  // Who cancels an operation must not be given another's calls for those that the page shows.
  requireProposal(proposalId, [[...targets], [...values], [...calls], descriptionHash])
  const salt = saltOf(CohortGovernor, descriptionHash)
  return [[...targets], [...values], [...calls], toBeHex(0, 32), salt]
}

/** The first twenty bytes of a description's hash, turned over by the governor's address: no other governor's operation has it. */
export function saltOf(governor: string, descriptionHash: string): string {
  const head = BigInt(dataSlice(descriptionHash, 0, 20)) ^ BigInt(governor)
  return concat([toBeHex(head, 20), dataSlice(descriptionHash, 20)])
}
