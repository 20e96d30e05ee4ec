// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of a DAO member, over JSON-RPC: put versions and verifiers to the vote, delegate, and look up a model's status.
import {
  encodeBytes32String,
  getAddress,
  isAddress,
  isHexString,
  type JsonRpcApiProvider,
  type Signer,
  toUtf8Bytes,
} from 'ethers'
import type { AdoptedModel, ModelRegistry, VerifierRegistry } from '../../../types/index.ts'
import type { Clock } from '../clock.ts'
import { clients } from '../contracts.ts'
import type { DeploymentFile } from '../deployment-file.ts'
import { decodeRevert } from '../errors.ts'
import { adoptionCalls, type ModelTerms, type VerifierTerms, verifierCall } from './adoption.ts'
import { type CallText, encodeCall } from './calls.ts'
import { DaoError } from './errors.ts'
import { expectStatus, modelHistory, type ServiceStatus, versionCid } from './history.ts'
import { knownContracts } from './known-contracts.ts'
import { membershipCall } from './membership.ts'
import type { Proposal } from './proposal-state.ts'
import { type Call, ProposalBook } from './proposals.ts'
import { Sender } from './sender.ts'
import {
  actAs,
  manifestCall,
  type NewService,
  parametersCall,
  type ServiceTerms,
  serviceCall,
  serviceTerms,
} from './services.ts'
import type { Sent } from './terms.ts'
import { type Delegated, type Power, VotingPower } from './voting-power.ts'

export type DaoClientOptions = {
  readonly provider: JsonRpcApiProvider
  readonly deployment: DeploymentFile
  /** Absent for a client that only looks. */
  readonly signer?: Signer
  readonly clock?: Clock
}

export class DaoClient {
  readonly proposals: ProposalBook
  readonly #deployment: DeploymentFile
  readonly #provider: JsonRpcApiProvider
  readonly #runner: JsonRpcApiProvider | Signer
  readonly #power: VotingPower
  readonly #models: ModelRegistry
  readonly #verifiers: VerifierRegistry
  readonly #adopted: AdoptedModel

  private constructor(options: DaoClientOptions) {
    const { provider, deployment, signer, clock } = options
    const { contracts } = deployment
    const runner = signer ?? provider
    this.#deployment = deployment
    this.#provider = provider
    this.#runner = runner
    const sender = new Sender(signer)
    this.#power = new VotingPower(
      clients.token(contracts.CohortToken, runner),
      clients.registry(contracts.KeeperRegistry, runner),
      sender,
    )
    this.#models = clients.models(contracts.ModelRegistry, runner)
    this.#verifiers = clients.verifiers(contracts.VerifierRegistry, runner)
    this.#adopted = clients.adopted(contracts.AdoptedModel, runner)
    this.proposals = new ProposalBook({
      governor: clients.governor(contracts.CohortGovernor, runner),
      sender,
      known: knownContracts(deployment),
      ...(clock === undefined ? {} : { clock }),
    })
  }

  /** Checks the chain before anything else. Throws DaoError `wrong-chain`, ChainError NOT_BUILT. */
  static async connect(options: DaoClientOptions): Promise<DaoClient> {
    const { chainId } = await options.provider.getNetwork()
    const { deployment } = options
    if (chainId !== BigInt(deployment.chainId)) {
      throw new DaoError(
        'wrong-chain',
        `the RPC endpoint is on chain ${chainId}, the deployment is on chain ${deployment.chainId} ` +
          `(${deployment.network}): set --rpc or --deployment`,
      )
    }
    const { CohortGovernor } = deployment.contracts
    if ((await options.provider.getCode(CohortGovernor)) === '0x') {
      throw new DaoError(
        'wrong-chain',
        `there is no governor at ${CohortGovernor}: the deployment file is of another chain; run \`npx hardhat deploy\``,
      )
    }
    return new DaoClient(options)
  }

  /** Proposes to make `version` the one that consumers use. */
  async proposeRelease(service: string, version: number, description?: string): Promise<Proposal & Sent> {
    const { name, address } = this.service(service)
    expectStatus(await this.serviceStatus(address), version, ['accepted', 'released'])
    const data = this.#models.interface.encodeFunctionData('release', [address, version])
    return await this.#proposeModelCall(data, description ?? `Release version ${version} of ${name}`)
  }

  /** Proposes to deprecate the current version and return to `version`, which was released before it. */
  async proposeRollback(service: string, version: number, description?: string): Promise<Proposal & Sent> {
    const { name, address } = this.service(service)
    const status = await this.serviceStatus(address)
    expectStatus(status, version, ['released'])
    const { current } = status
    if (current === null || current === version) {
      const found = current === null ? 'has no current version' : `is at version ${version} already`
      throw new DaoError('wrong-status', `${name} ${found}: there is nothing to roll back`)
    }
    const data = this.#models.interface.encodeFunctionData('rollback', [address, version])
    return await this.#proposeModelCall(data, description ?? `Roll ${name} back to version ${version}`)
  }

  /** Proposes to withdraw a version for good. `reason`: a text of at most 31 bytes, or 32 bytes in hexadecimal. */
  async proposeDeprecation(service: string, version: number, reason: string): Promise<Proposal & Sent> {
    const { name, address } = this.service(service)
    expectStatus(await this.serviceStatus(address), version, ['accepted', 'released'])
    if (!isHexString(reason, 32) && toUtf8Bytes(reason).length > 31) {
      throw new DaoError('wrong-status', `the reason has ${toUtf8Bytes(reason).length} bytes, at most 31 fit`)
    }
    const word = isHexString(reason, 32) ? reason : encodeBytes32String(reason)
    const data = this.#models.interface.encodeFunctionData('deprecate', [address, version, word])
    return await this.#proposeModelCall(data, `Deprecate version ${version} of ${name}: ${reason}`)
  }

  /** Proposes to bar a keeper (its owner address) from a service's seats and decryptions. Takes no stake. */
  async proposeBan(service: string, keeper: string, description?: string): Promise<Proposal & Sent> {
    return await this.#proposeMembership('ban', service, keeper, description)
  }

  /** Proposes to let a banned keeper back. */
  async proposeUnban(service: string, keeper: string, description?: string): Promise<Proposal & Sent> {
    return await this.#proposeMembership('unban', service, keeper, description)
  }

  /**
   * Proposes calls of any kind.
   * @throws DaoError bad-call; reverted when the only one would be refused now, since the vote could not make it pass
   */
  async proposeCalls(calls: readonly CallText[], description: string): Promise<Proposal & Sent> {
    const encoded = calls.map((call) => encodeCall(call, this.proposals.known))
    const [only] = encoded
    // A later call may depend on an earlier one.
    if (only !== undefined && encoded.length === 1) await this.#tryAsTimelock(only)
    return await this.proposals.propose(encoded, description)
  }

  /** Proposes other parameters for a service, from its next epoch on. @throws DaoError bad-call, reverted */
  async proposeParameters(service: string, changes: ServiceTerms, description?: string): Promise<Proposal & Sent> {
    const { name, address } = this.service(service)
    const call = await parametersCall(clients.service(address, this.#runner), changes)
    await this.#tryAsTimelock(call)
    const text = Object.entries(changes).map(([key, value]) => `${key} ${value}`)
    return await this.proposals.propose([call], description ?? `Set of ${name}: ${text.join(', ')}`)
  }

  /** A service's parameters: in force, and for the next epoch. */
  async serviceTerms(service: string): ReturnType<typeof serviceTerms> {
    return await serviceTerms(clients.service(this.service(service).address, this.#runner))
  }

  /** The binary CID of a version's model, in hexadecimal, from the service's log; null when the log does not have it. */
  async versionCid(service: string, version: number): Promise<string | null> {
    const { address } = this.service(service)
    const last = await this.#provider.getBlockNumber()
    const blocks = { from: this.#deployment.fromBlock, to: last }
    return await versionCid(clients.service(address, this.#provider), version, this.#provider, blocks)
  }

  /** Finds out now whether execution would be refused, instead of after days of voting. */
  async #tryAsTimelock({ target, data }: Call): Promise<void> {
    const from = this.#deployment.contracts.TimelockController
    try {
      await this.#provider.call({ from, to: target, data })
    } catch (error) {
      const abis = this.proposals.known.map(({ abi }) => abi)
      const revert = decodeRevert(error, abis, 'the call')
      if (revert === null) throw error
      throw new DaoError('reverted', `${revert.message}: as things are, execution would be refused`, { cause: revert })
    }
  }

  async #proposeMembership(
    act: 'ban' | 'unban',
    service: string,
    keeper: string,
    description?: string,
  ): Promise<Proposal & Sent> {
    const { name, address } = this.service(service)
    const runner = this.#runner
    const { call, text } = await membershipCall(
      act,
      { name, contract: clients.service(address, runner), runner },
      keeper,
    )
    return await this.proposals.propose([call], description ?? text)
  }

  /** Proposes another manifest (its digest) for a service, from the next epoch on. */
  async proposeManifest(service: string, manifest: string, description?: string): Promise<Proposal & Sent> {
    const { name, address } = this.service(service)
    const call = await manifestCall(clients.service(address, this.#runner), name, manifest)
    return await this.proposals.propose([call], description ?? `Set the manifest of ${name} to ${manifest}`)
  }

  /** Proposes one more service, with the parameters of `like`. @returns also the address that it gets if it is the next one */
  async proposeService(like: string, terms: NewService): Promise<Proposal & Sent & { readonly service: string }> {
    const { call, address } = await this.#serviceCall(like, terms)
    const text = `Create the service ${terms.name} with the manifest ${terms.manifest}`
    return { ...(await this.proposals.propose([call], text)), service: address }
  }

  /**
   * Makes the service at once, without a vote, where the chain is a development node that lets anybody act as the timelock.
   * @returns its address @throws DaoError wrong-chain elsewhere
   */
  async createServiceNow(like: string, terms: NewService): Promise<{ readonly service: string }> {
    const { TimelockController } = this.#deployment.contracts
    const { call, address } = await this.#serviceCall(like, terms)
    await actAs(this.#provider, TimelockController, call)
    return { service: address }
  }

  async #serviceCall(like: string, terms: NewService) {
    const { ServiceFactory, TimelockController } = this.#deployment.contracts
    return await serviceCall(
      clients.factory(ServiceFactory, this.#runner),
      clients.service(this.service(like).address, this.#runner),
      { ...terms, admin: TimelockController },
    )
  }

  /** Proposes to register a circuit's verifier. */
  async proposeVerifier(terms: VerifierTerms): Promise<Proposal & Sent> {
    return await this.proposals.propose(
      [await verifierCall(this.#verifiers, terms)],
      `Register the verifier of circuit ${terms.circuitId}, ${terms.setup} set-up`,
    )
  }

  /**
   * Proposes to take over a model from outside, all in one: its circuit's verifier (unless it is registered), its weights
   * commitment, and its release. @returns the version it gets
   */
  async proposeModel(terms: ModelTerms): Promise<Proposal & Sent & { readonly version: number }> {
    const registries = { adopted: this.#adopted, models: this.#models, verifiers: this.#verifiers }
    const { calls, version } = await adoptionCalls(registries, terms)
    return { ...(await this.proposals.propose(calls, terms.description ?? 'Adopt a model')), version }
  }

  /**
   * Makes the signer's tokens and stake count as votes of `to`; of the signer, when absent.
   * @throws DaoError no-signer, reverted
   */
  async delegate(to?: string): Promise<Delegated> {
    return await this.#power.delegate(to)
  }

  /** Balance and votes of `account`, in units of 1e-18 token; stake votes for its owner. */
  async power(account: string): Promise<Power> {
    return await this.#power.of(account)
  }

  /** Name and address of every service that the deployment file lists. */
  get services(): DeploymentFile['services'] {
    return this.#deployment.services
  }

  /** A service by name or address; the only one when `service` is empty. Throws DaoError `unknown-service`. */
  service(service: string): { readonly name: string; readonly address: string } {
    const { services } = this.#deployment
    const names = services.map(({ name }) => `'${name}'`).join(', ') || 'none'
    if (service === '') {
      if (services.length === 1) return services[0]!
      throw new DaoError('unknown-service', `name a service with --service: the deployment has ${names}`)
    }
    const address = isAddress(service) ? getAddress(service) : null
    const found = services.find((one) => one.name === service || one.address === address)
    if (found !== undefined) return found
    // A service that the DAO created after the deployment file was written is still a service.
    if (address !== null) return { name: address, address }
    throw new DaoError('unknown-service', `there is no service '${service}': the deployment has ${names}`)
  }

  /** The state of a co-owned model: its history and its current release. */
  async serviceStatus(service: string): Promise<ServiceStatus> {
    const { name, address } = this.service(service)
    if (!(await this.#models.isService(address))) {
      throw new DaoError('unknown-service', `${address} is not registered with the model registry`)
    }
    return { name, address, ...(await modelHistory(this.#models, address)) }
  }

  async #proposeModelCall(data: string, description: string): Promise<Proposal & Sent> {
    return await this.proposals.propose([{ target: this.#deployment.contracts.ModelRegistry, data }], description)
  }
}
