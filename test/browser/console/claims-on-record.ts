// SPDX-License-Identifier: GPL-3.0-or-later
// A registry of claims on the demo's chain, with real proofs of a small circuit: one claim on an auditor's batch, one that its auditor's
// counter-batch refuted, one that anybody can challenge.
import {
  ContractFactory,
  type ContractTransactionResponse,
  id,
  JsonRpcSigner,
  type Signer,
  toBeHex,
  ZeroAddress,
  ZeroHash,
} from 'ethers'
import { ClaimClient } from '../../../keepers/chain/claims/client.ts'
import { clients, contractArtifact } from '../../../keepers/chain/index.ts'
import { accountSigner } from '../../../scripts/demo/accounts.ts'
import type { AdoptedModel } from '../../../types/index.ts'
import { readingCircuit } from '../../contracts/consumers/reading-circuit.ts'
import { commitment } from '../../contracts/inference/product-circuit.ts'
import { ACCOUNT, type ConsoleDemo } from './demo.ts'

const [ACCURACY, GAP] = [1, 2]
const [CLAIMANT, AUDITOR] = [1, 2]
const WEIGHT = 77n
const DAY = 86_400
const BOND = 4n * 10n ** 17n
const COUNT = 64

export type ClaimsOnRecord = {
  readonly registry: string
  readonly auditor: string
  /** Content of the circuit's verification_key.json. */
  readonly key: string
}

const made = new WeakMap<ConsoleDemo, Promise<ClaimsOnRecord>>()

/** The same registry for all that ask. */
export function claimsOnRecord(demo: ConsoleDemo): Promise<ClaimsOnRecord> {
  const known = made.get(demo) ?? record(demo)
  made.set(demo, known)
  return known
}

async function record({ provider, deployment }: ConsoleDemo): Promise<ClaimsOnRecord> {
  const [claimant, auditor] = [accountSigner(provider, ACCOUNT.prover), accountSigner(provider, ACCOUNT.other)]
  const { contracts } = deployment
  const sent = async (call: Promise<ContractTransactionResponse>) => (await call).wait()

  // What the DAO would have voted for.
  await provider.send('hardhat_impersonateAccount', [contracts.TimelockController])
  await provider.send('hardhat_setBalance', [contracts.TimelockController, toBeHex(10n ** 18n)])
  const timelock = new JsonRpcSigner(provider, contracts.TimelockController)
  const { abi, bytecode } = contractArtifact('AdoptedModel')
  const adopted = await new ContractFactory(abi as string[], bytecode, claimant).deploy(claimant.address)
  await adopted.waitForDeployment()
  const service = await adopted.getAddress()
  await sent(
    (clients.adopted(service, claimant) as AdoptedModel).adopt(commitment(WEIGHT), `0x01551220${'34'.repeat(32)}`),
  )
  const models = clients.models(contracts.ModelRegistry, timelock)
  await sent(models.grantRole(await models.REGISTRAR_ROLE(), contracts.TimelockController))
  await sent(models.registerService(service))
  const circuit = await readingCircuit()
  const verifier = await (await circuit.deployVerifier(claimant)).getAddress()
  const ids = { right: id('right'), wrong: id('wrong'), alike: id('alike'), apart: id('apart') }
  const verifiers = clients.verifiers(contracts.VerifierRegistry, timelock)
  for (const one of Object.values(ids)) await sent(verifiers.register(one, verifier, circuit.vkHash, 1, '0x'))
  await provider.send('hardhat_stopImpersonatingAccount', [contracts.TimelockController])

  const registries = { models: contracts.ModelRegistry, verifiers: contracts.VerifierRegistry }
  const registry = await ClaimClient.deploy(claimant, {
    ...{ ...registries, treasury: contracts.TimelockController, admin: claimant.address },
  })
  const claims = clients.claims(registry, claimant)
  const accuracy = { kind: ACCURACY, count: COUNT, positive: 0, bins: ZeroHash }
  await sent(claims.describe(ids.right, ids.wrong, accuracy))
  await sent(claims.describe(ids.alike, ids.apart, { ...accuracy, kind: GAP, positive: 1 }))
  await sent(claims.commitPool(id('root'), 4, 'ipfs://batches'))

  const { timestamp } = (await provider.getBlock('latest'))!
  const prove = (batch: bigint, output: number, context: bigint) =>
    circuit.prove({ weight: WEIGHT, inputCommitment: batch, output: BigInt(output), context })
  const client = await ClaimClient.open(registry, registries, provider as never, claimant)
  const publish = async (circuitId: string, source: number, changes: object, batch: bigint, signature = '0x') => {
    const terms = {
      ...{ service, version: 1, circuitId, source, auditor: ZeroAddress, poolId: 0 },
      ...{ figure: 60, guarantee: 54, expiresAt: timestamp + 20 * DAY, ...changes },
    }
    const proof = await prove(batch, terms.figure, await claims.contextOf(claimant.address, terms))
    await sent(claims.publish(terms, batch, { signature, path: [] }, proof, { value: BOND }))
    return Number(await claims.claimCount())
  }
  const batch = (n: bigint) => BigInt(commitment(1000n + n))
  const signed = await client.signBatch(auditor as Signer, {
    ...{ claimant: claimant.address, service, version: 1, statementId: await claims.statementIdOf(accuracy) },
    batch: batch(1n),
  })
  await publish(ids.right, AUDITOR, { auditor: auditor.address }, batch(1n), signed)
  const gap = { figure: 40, guarantee: 90, auditor: auditor.address, expiresAt: timestamp + 300 * DAY }
  const falls = await publish(ids.alike, CLAIMANT, gap, batch(2n))
  const counter = { challenger: claimant.address, claimId: falls, batch: batch(3n) }
  const signature = await client.signCounter(auditor as Signer, counter)
  const context = await claims.refutationContextOf(claimant.address, falls, 0)
  await sent(claims.refuteSigned(falls, batch(3n), signature, await prove(batch(3n), gap.guarantee, context)))
  await publish(ids.right, CLAIMANT, { poolId: 1, expiresAt: timestamp + 200 * DAY }, batch(4n))
  return { registry, auditor: auditor.address, key: JSON.stringify(circuit.key) }
}
